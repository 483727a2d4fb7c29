import { type Command, InvalidArgumentError } from 'commander';
import { commaList, wholeNumber } from './options.ts';

/** What the options of `withTrustOptions` give. */
export interface TrustCommandOptions {
  readonly direction?: string;
  readonly kind?: string;
  readonly netbios?: string;
  readonly domainSid?: readonly string[];
  readonly kdcs?: readonly string[];
  readonly kpasswd?: readonly string[];
  readonly mode?: string;
  readonly reportOnly?: boolean;
  readonly rights?: readonly object[];
  readonly enctypes?: readonly string[];
  readonly domains?: readonly string[] | 'default';
  readonly transits?: readonly string[];
  readonly transitive?: boolean;
  readonly maxFailures?: number;
  readonly window?: string;
}

/** Adds an option for each setting of a trust; the values are checked as those of the configuration are. */
export function withTrustOptions(command: Command): Command {
  return command
    .option('--direction <direction>', 'inbound: their users come to us; outbound: ours go to them; both')
    .option('--kind <kind>', 'ad, realmward or mit; left out: ad where a domain SID is given, else mit')
    .option('--netbios <name>', 'NETBIOS name of the AD domain')
    .option(
      '--domain-sid <sids>',
      'SID of the domain; several, apart by commas, where child domains come along',
      commaList,
    )
    .option('--kdcs <servers>', 'its KDCs, apart by commas; dns: look for them in DNS', listOr('dns'))
    .option(
      '--kpasswd <servers>',
      'where its users change their passwords, apart by commas; default: at its KDCs, port 464, or as DNS says',
      listOr('default'),
    )
    .option(
      '--mode <mode>',
      'groups: a map of groups decides; keep: the rights that a realmward realm states count',
    )
    .option('--report-only', 'grant nothing, log what would be granted')
    .option(
      '--rights <map>',
      'groups by RID or SID, such as 1107=Administrator,1108=Viewer; none: no group has a right',
      rights,
    )
    .option('--enctypes <types>', 'encryption types of the tickets between the realms', commaList)
    .option(
      '--domains <names>',
      "DNS and UPN suffixes of that realm; default: the realm's name in lower case",
      domains,
    )
    .option(
      '--transits <realms>',
      'realms behind that one, apart by commas; none: there are none',
      listOr('none'),
    )
    .option(
      '--max-failures <number>',
      'how many wrong passwords of one account are tried there, in the window; fewer than lock it there',
      wholeNumber,
    )
    .option('--window <duration>', 'the time in which they are counted, such as 30m')
    .option('--transitive', 'users who came over one such trust go on over another');
}

/** The settings that were named, as the configuration would state them. */
export function trustOptions(options: TrustCommandOptions): Record<string, unknown> {
  const { direction, kind, netbios, domainSid, kdcs, kpasswd, mode, reportOnly, enctypes } = options;
  const { transits, transitive, maxFailures, window } = options;
  const named = {
    direction,
    kind,
    netbios,
    domainSid,
    kdcs,
    kpasswd,
    mode,
    reportOnly,
    rights: options.rights,
    enctypes,
    transits,
    transitive,
    maxFailures,
    window,
  };
  return {
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
    ...(options.domains === undefined
      ? {}
      : { domains: options.domains === 'default' ? undefined : options.domains }),
  };
}

/** `a,b`, or nothing for the word that stands for it. */
function listOr(none: string): (text: string) => string[] {
  return (text) => (text === none ? [] : commaList(text));
}

function domains(text: string): string[] | 'default' {
  return text === 'default' ? text : commaList(text);
}

function rights(text: string): object[] {
  return listOr('none')(text).map((rule) => {
    const [group = '', right] = rule.split('=');
    if (right === undefined)
      throw new InvalidArgumentError(
        'Write 1107=Administrator, a RID or a SID and a right, with commas between them.',
      );
    return /^\d+$/.test(group) ? { rid: Number(group), right } : { sid: group, right };
  });
}
