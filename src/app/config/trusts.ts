import { z } from 'zod';
import { parseServer } from '../../client/server.ts';
import { etypeByName } from '../../crypto/etypes.ts';
import { RIGHTS } from '../../realm/right.ts';
import { DEFAULT_ATTEMPTS, readTrust, type TrustStatement } from '../../realm/trust-settings.ts';
import type { TrustingRealm, TrustMistake } from '../../realm/trust-settings.ts';
import { TRUST_DIRECTIONS, TRUST_KINDS } from '../../realm/trust.ts';
import { formatDuration, parseDuration } from './duration.ts';
import {
  accepts,
  duration,
  ETYPE_NAMES,
  list,
  object,
  realm,
  secret,
  sid,
  text,
  trustEtype,
} from './parts.ts';

const DNS_NAME = 'a DNS name, such as ad.example';
const KDC =
  'a host name or an IP address, and :port where that is not 88, such as "192.0.2.1:88", or the URL of a KDC proxy (https://…)';
const KPASSWD =
  'a host name or an IP address, and :port where that is not 464, such as "192.0.2.1:464", or the URL of a KDC proxy (https://…)';
const RID = 'the RID of a group: a whole number from 1 to 4294967295';
const FAILURES = 'a whole number from 1 to 1000';
const BEHIND = 'a list of realms, such as [CHILD.AD.EXAMPLE]';

/** One trust of the configuration. */
export const trust = object({
  realm: realm.meta({
    description: 'Name of the trusted realm. Case-sensitive; of an AD domain its DNS name in upper case.',
  }),
  netbios: text('a NETBIOS name: at most 15 characters, such as ADEX', /^[^\s\\/:*?"<>|@]{1,15}$/)
    .optional()
    .meta({ description: "The AD domain's NETBIOS name. Given, tickets must name it." }),
  kind: z
    .enum(TRUST_KINDS, { error: `one of ${TRUST_KINDS.join(', ')}` })
    .optional()
    .meta({
      description:
        'What the trusted realm runs: ad (Active Directory), realmward, or mit (any other Kerberos, whose users have no groups). Left out: ad where a domainSid is given, else mit.',
    }),
  domainSid: z
    .union([sid, z.array(sid).min(1, { error: 'a list with at least one SID' })], {
      error: 'a SID, such as S-1-5-21-1000000001-2000000002-3000000003, or a list of SIDs',
    })
    .optional()
    .meta({
      description:
        'SID of the domain whose accounts may come; a list where child domains come through this trust, its own first.',
    }),
  direction: z.enum(TRUST_DIRECTIONS, { error: `one of ${TRUST_DIRECTIONS.join(', ')}` }).meta({
    description: 'inbound: their users come to us; outbound: our users go to them; both.',
  }),
  kdcs: list(
    z.string({ error: KDC }).refine(
      accepts((value) => parseServer(value, 88)),
      { error: KDC },
    ),
    'a list of servers, such as ["192.0.2.1:88"]',
  ).meta({ description: 'KDCs of the trusted realm. Left out: DNS SRV records tell them.' }),
  kpasswd: list(
    z.string({ error: KPASSWD }).refine(
      accepts((value) => parseServer(value, 464)),
      { error: KPASSWD },
    ),
    'a list of servers, such as ["192.0.2.1:464"]',
  ).meta({
    description:
      'Where its users change their passwords (kpasswd). Left out: at the hosts of kdcs, port 464, or where DNS SRV records say.',
  }),
  secret: secret.meta({
    description:
      'Secret that both sides share, when the trust is made; changing it here later changes nothing: see "realmward trust rotate".',
  }),
  mode: z.enum(['groups', 'keep'], { error: '"groups" or "keep"' }).default('groups').meta({
    description:
      'groups: rights follow from groups, as the rights map says. keep: users have the rights that the other realmward realm states.',
  }),
  reportOnly: z
    .boolean({ error: 'true or false' })
    .default(false)
    .meta({ description: 'Grant nothing, and log what would be granted.' }),
  rights: list(
    object({
      rid: z
        .int({ error: RID })
        .min(1, { error: RID })
        .max(0xff_ff_ff_ff, { error: RID })
        .optional()
        .meta({ description: 'RID of a group in the (first) domainSid.' }),
      sid: sid.optional().meta({ description: 'SID of a group, instead of a RID.' }),
      right: z
        .enum(RIGHTS, { error: `one of ${RIGHTS.join(', ')}` })
        .meta({ description: 'What members of the group may do on devices.' }),
    }),
    'a list of groups and rights, each { rid: …, right: … } or { sid: …, right: … }',
  ).meta({
    description: 'Which groups of the trusted domain give which rights. Whoever is in none of them has none.',
  }),
  enctypes: z
    .array(trustEtype, { error: `a list of encryption types: ${ETYPE_NAMES.join(', ')}` })
    .min(1, { error: 'a list with at least one encryption type' })
    .optional()
    .meta({
      description:
        'Encryption types of the tickets between the realms. Left out: towards AD aes256-cts-hmac-sha1-96 and aes128-cts-hmac-sha1-96, else all four with AES. arcfour-hmac (RC4) is broken, and only for the tickets of an Active Directory or MIT realm that has nothing else.',
    }),
  domains: z
    .array(text(DNS_NAME, /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}$/), {
      error: 'a list of DNS names, such as [ad.example]',
    })
    .optional()
    .meta({
      description:
        "DNS names whose hosts belong to the trusted realm, and UPN suffixes of its users. Left out: the realm's name in lower case.",
    }),
  maxFailures: z
    .int({ error: FAILURES })
    .min(1, { error: FAILURES })
    .max(1000, { error: FAILURES })
    .default(DEFAULT_ATTEMPTS.maxFailures)
    .meta({
      description:
        'How many wrong passwords for one of its accounts are tried there through this server, within the window; then the account has to wait here. Fewer than lock it there.',
    }),
  window: duration(formatDuration(DEFAULT_ATTEMPTS.window), 60, 30 * 86_400).meta({
    description:
      'The time in which maxFailures are counted: at least that in which the trusted realm counts.',
  }),
  transits: z.array(realm, { error: BEHIND }).prefault([]).meta({
    description: 'Realms behind this one: their users may come through it, and ours reach them through it.',
  }),
  transitive: z.boolean({ error: 'true or false' }).default(false).meta({
    description:
      'Whether its users go on from here over other trusts, and users who came over other trusts go on over this one; both trusts must say so.',
  }),
});

/** What `trust` reads. */
type TrustValues = z.output<typeof trust>;

/** What the values of a trust state. */
export function trustStatement(values: Omit<TrustValues, 'secret'>): TrustStatement {
  const { domainSid, enctypes, kdcs, netbios, kind, direction, mode, reportOnly } = values;
  return {
    realm: values.realm,
    netbios,
    kind,
    domainSids: typeof domainSid === 'string' ? [domainSid] : domainSid,
    direction,
    kdcs,
    kpasswd: values.kpasswd,
    mode,
    reportOnly,
    rights: values.rights,
    etypes: enctypes?.map((name) => etypeByName(name) as number),
    domains: values.domains,
    transits: values.transits,
    transitive: values.transitive,
    attempts: { maxFailures: values.maxFailures, window: parseDuration(values.window) as number },
  };
}

/**
 * What is wrong with a list of trusts beyond the form of each one; paths begin with the index of a trust. Those that have not even the right
 * form are left out: that is told already.
 */
export function trustMistakes(list: unknown, own: TrustingRealm): TrustMistake[] {
  const mistakes: TrustMistake[] = [];
  const realms = new Map<string, number>();
  const domains = new Map<string, number>();
  for (const [i, item] of (Array.isArray(list) ? list : []).entries()) {
    const parsed = trust.safeParse(item);
    if (!parsed.success) continue;
    const statement = trustStatement(parsed.data);
    const read = readTrust(statement, own);
    if ('mistakes' in read)
      mistakes.push(...read.mistakes.map(({ path, expected }) => ({ path: [i, ...path], expected })));
    const name = statement.realm.toLowerCase();
    const other = realms.get(name);
    if (other !== undefined) {
      mistakes.push({ path: [i, 'realm'], expected: `another realm than that of trusts[${other}]` });
      continue;
    }
    realms.set(name, i);
    for (const [j, stated] of (statement.domains ?? [statement.realm]).entries()) {
      const domain = stated.toLowerCase();
      const holder = domains.get(domain) ?? i;
      const path = statement.domains === undefined ? [i, 'realm'] : [i, 'domains', j];
      if (holder !== i) mistakes.push({ path, expected: `another domain than those of trusts[${holder}]` });
      domains.set(domain, holder);
    }
  }
  return mistakes;
}
