/** What a trust means, and what has to be done at its other side, in words and commands. */
import { netbiosName } from '../pac/own-account.ts';
import { isWildcard, parseEndpoint } from '../transport/endpoint.ts';
import type { TrustView } from './trusts.ts';
import { COMMAND } from './version.ts';

/** Our side of a trust. */
export interface OurSide {
  readonly realm: string;
  readonly sid: string;
  /** Addresses that the KDC listens on, as the configuration states them. */
  readonly kdcs: readonly string[];
}

/** Work at the other side: what it is done with, and what to type, a line each. Lines that begin with # are not typed. */
export interface Chapter {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Both names of the direction, ours and theirs, in a sentence. */
export function directionSentence({
  realm,
  kind,
  direction,
}: Pick<TrustView, 'realm' | 'kind' | 'direction'>): string {
  const inbound = `users of ${realm} come to us`;
  const outbound = `our users go to ${realm}`;
  const means = {
    inbound: `${inbound}, ours do not go there`,
    outbound: `${outbound}, theirs do not come here`,
    both: `${inbound}, and ${outbound}`,
  }[direction];
  return `${direction}: ${means}. ${THEIR_NAMES[kind][direction]}`;
}

/**
 * From AD's point of view its users coming to us is an incoming trust: it is we who trust. A realmward or MIT realm counts from where it stands, so
 * that there it is the other way round.
 */
const THEIR_NAMES: Readonly<Record<TrustView['kind'], Readonly<Record<TrustView['direction'], string>>>> = {
  ad: {
    inbound:
      'Active Directory calls this "one-way: incoming" ("Users in this domain can be authenticated in the specified realm").',
    outbound:
      'Active Directory calls this "one-way: outgoing" ("Users in the specified realm can be authenticated in this domain").',
    both: 'Active Directory calls this "two-way": its users coming to us is the incoming half of it.',
  },
  realmward: {
    inbound: 'There it is outbound.',
    outbound: 'There it is inbound.',
    both: 'There it is both, too.',
  },
  mit: {
    inbound: 'There it is a key for tickets to us, and none for tickets from us.',
    outbound: 'There it is a key for tickets from us, and none for tickets to us.',
    both: 'There it is two keys, one for tickets to us and one for tickets from us.',
  },
};

/** What the kind of realm is, for people. */
export const KIND_NAMES: Readonly<Record<TrustView['kind'], string>> = {
  ad: 'Active Directory',
  realmward: 'realmward',
  mit: 'MIT Kerberos or another without groups',
};

/** How the other side is set up. */
export function setUpGuide(trust: TrustView, us: OurSide): Chapter[] {
  return GUIDES[trust.kind].setUp(trust, us);
}

/** How the other side is given the new secret. */
export function rotationGuide(trust: TrustView, us: OurSide): Chapter[] {
  return GUIDES[trust.kind].rotation(trust, us);
}

/** How the other side takes the trust away. */
export function removalGuide(trust: TrustView, us: OurSide): Chapter[] {
  return GUIDES[trust.kind].removal(trust, us);
}

type Guide = (trust: TrustView, us: OurSide) => Chapter[];

const WINDOWS =
  'Windows, as an administrator on a domain controller (not measured by us; docs/active-directory.md says more)';
const kadmin = ({ realm }: TrustView, lines: readonly string[]): Chapter[] => [
  { title: `MIT Kerberos at ${realm}, in kadmin.local`, lines },
];
const realmward = ({ realm }: TrustView, line: string): Chapter[] => [
  { title: `realmward at ${realm}`, lines: [line] },
];

const GUIDES: Readonly<Record<TrustView['kind'], { setUp: Guide; rotation: Guide; removal: Guide }>> = {
  ad: {
    setUp: (trust, us) => [
      { title: WINDOWS, lines: [...addKdcs(us), ...netdomAdd(trust, us), ...setEtypes(trust, us)] },
      ...sambaChapters(trust, us),
    ],
    rotation: (trust, us) => [
      { title: WINDOWS, lines: [`${netdom(trust, us)} /reset /passwordt:*`] },
      ...sambaChapters(trust, us),
    ],
    removal: (trust, us) => [
      { title: WINDOWS, lines: [`${netdom(trust, us)} /remove /force`] },
      { title: SAMBA, lines: [`python3 samba_trust.py remove ${us.realm}`] },
    ],
  },
  realmward: {
    setUp: (trust, us) => realmward(trust, realmwardAdd(trust, us)),
    rotation: (trust, us) => realmward(trust, `${COMMAND} trust rotate ${us.realm}`),
    removal: (trust, us) => realmward(trust, `${COMMAND} trust remove ${us.realm}`),
  },
  mit: {
    setUp: (trust, us) => kadmin(trust, mitPrincipals(trust, us, 'addprinc')),
    rotation: (trust, us) => kadmin(trust, mitPrincipals(trust, us, 'cpw -keepold')),
    removal: (trust, us) =>
      kadmin(
        trust,
        principals(trust, us).map((name) => `delprinc ${name}`),
      ),
  },
};

function netdomAdd(trust: TrustView, us: OurSide): string[] {
  const twoWay = trust.direction === 'both' ? ' /twoway' : '';
  return [`${netdom(trust, us)} /add /realm${twoWay} /passwordt:*`];
}

/** Netdom's first name is the realm that trusts, so that users of the second one may come to it. */
function netdom({ realm, direction }: TrustView, us: OurSide): string {
  const [trusting, trusted] = direction === 'outbound' ? [realm, us.realm] : [us.realm, realm];
  return `netdom trust ${trusting} /domain:${trusted}`;
}

function addKdcs({ realm, kdcs }: OurSide): string[] {
  const hosts = kdcs.map((text) => parseEndpoint(text).host).filter((host) => !isWildcard(host));
  const named = hosts.length > 0 ? hosts : ['THIS-SERVER'];
  return [
    `# On every domain controller, with a restart behind it, unless DNS has _kerberos._udp.${realm} and _kerberos._tcp.${realm}:`,
    ...named.map((host) => `ksetup /addkdc ${realm} ${host}`),
  ];
}

/** Names of the etypes with AES; ksetup knows RC4 under another one, and none is needed. */
function aesNames({ enctypes }: TrustView): string[] {
  return enctypes.filter((name) => name.startsWith('aes'));
}

function setEtypes(trust: TrustView, { realm }: OurSide): string[] {
  const aes = aesNames(trust);
  if (aes.length === 0) {
    return [
      '# 36: tickets with RC4 (4), and AES session keys in them (32); session keys of RC4 are not accepted.',
      `Get-ADObject -Filter 'trustPartner -eq "${realm}"' | Set-ADObject -Replace @{'msDS-SupportedEncryptionTypes'=36}`,
    ];
  }
  return [
    `ksetup /setenctypeattr ${realm} ${aes.join(' ').toUpperCase()}`,
    '# Or, instead of the last line: "Active Directory Domains and Trusts", properties of the domain, Trusts, properties of the trust:',
    '# tick "The other domain supports Kerberos AES Encryption". Without it Windows uses RC4, or answers KDC_ERR_ETYPE_NOSUPP.',
  ];
}

const SAMBA = 'Samba, as root on a domain controller, with docs/samba_trust.py';

/** Samba never needs RC4, and the script does not speak of it. */
function sambaChapters(trust: TrustView, { realm, sid }: OurSide): Chapter[] {
  if (aesNames(trust).length === 0) return [];
  const command = `python3 samba_trust.py set ${realm} --netbios ${netbiosName(realm)} --sid ${sid} --direction ${trust.direction}`;
  return [{ title: `${SAMBA}, which asks for the secret`, lines: [command] }];
}

function realmwardAdd({ direction }: TrustView, { realm, sid, kdcs }: OurSide): string {
  const there = { inbound: 'outbound', outbound: 'inbound', both: 'both' }[direction];
  const reachable = kdcs.filter((text) => !isWildcard(parseEndpoint(text).host));
  const servers = reachable.length === 0 ? '' : ` --kdcs ${reachable.join(',')}`;
  return `${COMMAND} trust add ${realm} --kind realmward --direction ${there} --domain-sid ${sid}${servers}`;
}

/** The default salt of each principal is the one that our keys are made with. */
function mitPrincipals(trust: TrustView, us: OurSide, command: string): string[] {
  const types = trust.enctypes.map((name) => `${name}:normal`).join(',');
  return principals(trust, us).map((name) => `${command} -e ${types} ${name}`);
}

function principals({ realm, direction }: TrustView, us: OurSide): string[] {
  return [
    ...(direction === 'outbound' ? [] : [`krbtgt/${us.realm}@${realm}`]),
    ...(direction === 'inbound' ? [] : [`krbtgt/${realm}@${us.realm}`]),
  ];
}
