import type { Chapter } from '../app/trust-guide.ts';
import { directionSentence, KIND_NAMES } from '../app/trust-guide.ts';
import type { TrustView } from '../app/trusts.ts';
import { showDuration } from './options.ts';
import { fields, table } from './table.ts';
import { showIso } from './when.ts';

/** Everything about a trust, for people. */
export function describeTrust(trust: TrustView): string {
  const [current, previous] = trust.secrets;
  const about = fields({
    realm: trust.realm,
    kind: `${trust.kind}: ${KIND_NAMES[trust.kind]}`,
    direction: directionSentence(trust),
    'NETBIOS name': trust.netbios ?? undefined,
    'domain SID': trust.domainSids.length === 0 ? undefined : trust.domainSids.join(', '),
    KDCs: trust.kdcs.length === 0 ? 'as DNS says' : trust.kdcs.join(', '),
    'password servers': trust.kpasswd.length === 0 ? undefined : trust.kpasswd.join(', '),
    'encryption types': trust.enctypes.join(', '),
    domains: trust.domains.join(', '),
    'realms behind it': trust.transits.length === 0 ? undefined : trust.transits.join(', '),
    transitive: trust.transitive
      ? 'yes: users who came over one such trust go on over another'
      : 'no: nobody goes on from here over this trust and another',
    'wrong passwords':
      trust.direction === 'outbound'
        ? undefined
        : `at most ${trust.maxFailures} of one account in ${showDuration(trust.window)} are tried there`,
    secret: current && `version ${current.version}, set ${age(current.set)}`,
    'secret before it':
      previous && `version ${previous.version}, set ${age(previous.set)}; tickets made with it still count`,
    'the new one':
      trust.newSecretFrom === null
        ? undefined
        : `makes our tickets for ${trust.realm} from ${showIso(trust.newSecretFrom)} on: until then Active Directory takes the one before it`,
    declared: trust.declared
      ? 'yes: at each start everything but the secret becomes what the configuration says'
      : 'no',
    rights: rightsSentence(trust),
  });
  return trust.rights.length === 0 ? about : `${about}\n\n${rightsTable(trust)}`;
}

/** What to do at the other side, indented. */
export function describeChapters(chapters: readonly Chapter[]): string {
  return chapters
    .map(({ title, lines }) => `${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
    .join('\n\n');
}

function rightsSentence({ kind, mode, reportOnly, rights }: TrustView): string {
  const silent = reportOnly ? ' Report-only: nothing is granted, and the log says what would be.' : '';
  if (kind === 'mit') return 'none: users of this kind of realm have no groups';
  if (mode === 'keep') return `those that ${KIND_NAMES[kind]} there states.${silent}`;
  if (rights.length === 0) return `none: the map is empty.${silent}`;
  return `by these groups; of several the highest counts.${silent}`;
}

function rightsTable({ rights }: TrustView): string {
  return table(
    ['right', 'RID', 'group'],
    rights.map(({ right, rid, sid, idle }) => [
      right,
      String(rid),
      idle ? `${sid} (in none of the trust's domains: nobody has it)` : sid,
    ]),
  );
}

function age(iso: string | null): string {
  if (iso === null) return 'at an unknown time';
  const days = Math.floor((Date.now() - Date.parse(iso)) / 86_400_000);
  const ago = days <= 0 ? 'less than a day ago' : days === 1 ? 'a day ago' : `${days} days ago`;
  return `${showIso(iso) ?? ''}, ${ago}`;
}
