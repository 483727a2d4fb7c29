import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sid, parseSid, splitRid } from '../../src/base/sid.ts';
import type { Daemon } from './daemon.ts';
import { onFreePort, startDaemon, untilListening } from './daemon.ts';
import type { Reporter } from './peers.ts';
import { requirePeer } from './peers.ts';
import type { Scope } from './run.ts';
import { runOk, temporaryFolder } from './run.ts';

export type AdUserName = 'alice' | 'carol' | 'mallory' | 'dave' | 'svcweb';
export type AdGroupName = 'fleet-operators' | 'fleet-viewers' | 'fleet-nested' | 'fleet-local' | 'fleet-dist';

/** A user of the domain; the SID and the RID are AD's own. */
export interface AdUser {
  readonly name: AdUserName;
  readonly password: string;
  /** userPrincipalName; carol's has another suffix than the domain's DNS name. */
  readonly upn: string;
  readonly enabled: boolean;
  readonly sid: Sid;
  readonly rid: number;
}

export interface AdGroup {
  readonly name: AdGroupName;
  /** `local` groups are in PACs of Samba but not of Windows; `distribution` groups are in no PAC. */
  readonly type: 'global' | 'universal' | 'local' | 'distribution';
  /** At the start. */
  readonly members: readonly (AdUserName | AdGroupName)[];
  readonly sid: Sid;
  readonly rid: number;
}

/** The trusted domain object that AD has of our realm. */
export interface AdTrustOptions {
  /** Our realm. */
  readonly realm: string;
  readonly password: string;
  /** What AD goes on using in the first hour after a change; left out: the same as `password`. Its kvno is one less. */
  readonly previousPassword?: string;
  /** When the password was changed, in seconds before now; default 0. From 3600 on `previousPassword` is used no longer. */
  readonly changedAgo?: number;
  /** kvno in the tickets that AD makes with the trust's key; `none` leaves it out of them. Default 1. */
  readonly kvno?: number | 'none';
  /** msDS-SupportedEncryptionTypes: the sum of 4 (rc4), 8 (aes128-sha1), 16 (aes256-sha1); `none` leaves it out. Default 24. */
  readonly enctypes?: number | 'none';
  /** trustAttributes; 8 is forest-transitive, without which AD refers no service to us. Default 8. */
  readonly attributes?: number;
  /** As AD counts: 1 inbound (they trust us: our users come to AD), 2 outbound, 3 both. Default 3. */
  readonly direction?: 1 | 2 | 3;
  /** Flat name of our realm; default the first label of its name. */
  readonly netbios?: string;
  /** SID of our realm, as AD is told. */
  readonly sid?: string;
  /** DNS suffixes whose services AD refers to us; default the realm's name in lower case. */
  readonly topLevelNames?: readonly string[];
}

/** One key of the trust: the principal that it belongs to, and the salt that AD makes it with. */
export interface TrustKeyFacts {
  readonly principal: string;
  readonly salt: string;
}

/** The trust as it is now. */
export interface AdTrust {
  readonly realm: string;
  readonly password: string;
  readonly kvno: number | undefined;
  /** Users of AD come to us, and ours go to AD. */
  readonly adToUs: TrustKeyFacts;
  readonly usToAd: TrustKeyFacts;
}

export interface SambaAdOptions {
  /** Default `AD.EXAMPLE.TEST`; its DNS name is the same in lower case. */
  readonly realm?: string;
  /** Default `ADEX`. */
  readonly netbios?: string;
  /** Default `S-1-5-21-1000000001-2000000002-3000000003`. */
  readonly domainSid?: string;
  /** Whether users can change their passwords, at `SambaAd.kpasswdPort`. */
  readonly kpasswd?: boolean;
  /** Left out: no trust, until `setTrust` makes one. */
  readonly trust?: AdTrustOptions;
}

/** An Active Directory domain controller that serves Kerberos on loopback until its test ends. */
export interface SambaAd {
  readonly realm: string;
  readonly netbios: string;
  readonly domainSid: Sid;
  readonly address: string;
  /** UDP and TCP. */
  readonly port: number;
  /** The same for passwords; `undefined`: they are not changed. */
  readonly kpasswdPort: number | undefined;
  readonly pid: number;
  /** A folder of its own, gone when the test ends. */
  readonly dir: string;
  readonly users: Readonly<Record<AdUserName, AdUser>>;
  readonly groups: Readonly<Record<AdGroupName, AdGroup>>;
  /** Of the account Administrator. */
  readonly adminPassword: string;
  /** Principal of a web service of the domain, without realm; it runs as svcweb. */
  readonly service: string;
  /** `undefined` before there is one. */
  readonly trust: AdTrust | undefined;
  /** What its KDC has logged so far: one line for each login says who and with which result. */
  log(): string;
  /** Makes the trust anew with these options. */
  setTrust(options: AdTrustOptions): Promise<void>;
  addToGroup(group: AdGroupName, member: AdUserName): Promise<void>;
  removeFromGroup(group: AdGroupName, member: AdUserName): Promise<void>;
  setEnabled(user: AdUserName, enabled: boolean): Promise<void>;
  /** `mustChange`: it is good for nothing but to be changed. */
  setPassword(user: AdUserName, password: string, options?: { readonly mustChange?: boolean }): Promise<void>;
  setUserPrincipalName(user: AdUserName, upn: string): Promise<void>;
  /** How old a password must be before its user may change it, in days; at first 1. */
  setPasswordAge(days: number): Promise<void>;
  /** After how many wrong passwords AD locks an account; at first it never does, and then it counts nothing. */
  setLockoutThreshold(threshold: number): Promise<void>;
  failedLogons(user: AdUserName): Promise<{ count: number; locked: boolean }>;
  /** Writes the keys of these accounts or services of the domain to a new keytab, by Samba's own means, and returns its path. */
  exportKeytab(...principals: string[]): Promise<string>;
  stop(): Promise<void>;
  /** Starts it again on its port, after `stop`. */
  start(): Promise<void>;
}

/** Whether Samba can be a domain controller here; the test is skipped where it cannot, and fails in CI. */
export function requireSambaAd(t: Reporter): boolean {
  return requirePeer(t, 'samba-ad', 'samba-python');
}

/** Provisions a domain, or takes a copy of one that was provisioned on this machine before, and starts its domain controller. */
export async function startSambaAd(t: Scope, options: SambaAdOptions = {}): Promise<SambaAd> {
  const domain = describeDomain(options);
  const dir = temporaryFolder(t);
  // Samba makes Unix sockets with long names in here, and such a name has at most 107 bytes.
  if (dir.length > 80) throw new Error(`${dir} is too long a path for Samba: set TMPDIR to a shorter one`);
  const template = await domainTemplate(domain);
  await runOk('cp', ['-a', `${template}/.`, dir]);
  const sids = JSON.parse(readFileSync(join(dir, 'sids.json'), 'utf8')) as Record<string, string>;
  const change = async (action: string, request: unknown): Promise<unknown> => ask(action, dir, request);

  let trust: AdTrust | undefined;
  const setTrust = async (trustOptions: AdTrustOptions): Promise<void> => {
    await change('set_trust', trustObject(trustOptions));
    trust = trustFacts(domain.realm, trustOptions);
  };

  // Where the next port is taken, another pair is tried.
  const kpasswdPort = (port: number): number | undefined => (options.kpasswd === true ? port + 1 : undefined);
  const serve = async (port: number): Promise<Daemon> => {
    writeFileSync(join(dir, 'smb.conf'), smbConf(domain, dir, port, kpasswdPort(port)));
    const before = readLog(dir).length;
    const daemon = startDaemon(
      t,
      'samba',
      ['-F', '--no-process-group', '-M', 'single', '-s', join(dir, 'smb.conf'), `--log-basename=${dir}/log`],
      { log: join(dir, 'output') },
    );
    const failure = await untilListening(daemon, port, ADDRESS).catch(String);
    const said = readLog(dir).slice(before);
    if (said.includes('ADDRESS_ALREADY_ASSOCIATED')) throw new Error(`port ${port} is in use`);
    if (failure !== undefined) throw new Error(`${failure}\n${said}`);
    return daemon;
  };
  // The trust needs the configuration file, and the KDC reads the trust at each request: either may come first.
  const started = await onFreePort(serve);
  const { port } = started;
  let { daemon } = started;
  if (options.trust !== undefined) await setTrust(options.trust);

  let keytabs = 0;
  return {
    realm: domain.realm,
    netbios: domain.netbios,
    domainSid: parseSid(domain.domainSid),
    address: ADDRESS,
    port,
    kpasswdPort: kpasswdPort(port),
    get pid() {
      return daemon.pid;
    },
    dir,
    users: byName(domain.users.map((user) => ({ ...user, ...identity(sids, user.name) }))),
    groups: byName(domain.groups.map((group) => ({ ...group, ...identity(sids, group.name) }))),
    adminPassword: domain.adminPassword,
    service: webService(domain.realm),
    get trust() {
      return trust;
    },
    log: () => readLog(dir) + daemon.log(),
    setTrust,
    addToGroup: async (group, member) => void (await change('members', { group, member, add: true })),
    removeFromGroup: async (group, member) => void (await change('members', { group, member, add: false })),
    setEnabled: async (user, enabled) => void (await change('enable', { user, enabled })),
    setPassword: async (user, password, { mustChange = false } = {}) =>
      void (await change('set_password', { user, password, mustChange })),
    setUserPrincipalName: async (user, upn) => void (await change('set_upn', { user, upn })),
    setPasswordAge: async (days) => void (await change('set_password_age', { days })),
    setLockoutThreshold: async (threshold) => void (await change('set_lockout', { threshold })),
    failedLogons: async (user) =>
      (await change('failed_logons', { user })) as { count: number; locked: boolean },
    exportKeytab: async (...principals) => {
      const file = join(dir, `${++keytabs}.keytab`);
      await change('keytab', { file, principals });
      return file;
    },
    stop: () => daemon.stop(),
    start: async () => void (daemon = await serve(port)),
  };
}

const ADDRESS = '127.0.0.1';
const SCRIPT = fileURLToPath(new URL('samba-provision.py', import.meta.url));

/** What a domain is provisioned with. Two domains that are equal in it share a template. */
interface Domain {
  readonly realm: string;
  readonly netbios: string;
  readonly domainSid: string;
  readonly adminPassword: string;
  readonly users: readonly (Omit<AdUser, 'sid' | 'rid'> & { readonly service?: string })[];
  readonly groups: readonly Omit<AdGroup, 'sid' | 'rid'>[];
}

function describeDomain(options: SambaAdOptions): Domain {
  const realm = options.realm ?? 'AD.EXAMPLE.TEST';
  const dns = realm.toLowerCase();
  const user = (name: AdUserName, password: string): Domain['users'][number] => ({
    name,
    password,
    upn: `${name}@${dns}`,
    enabled: true,
  });
  return {
    realm,
    netbios: options.netbios ?? 'ADEX',
    domainSid: options.domainSid ?? 'S-1-5-21-1000000001-2000000002-3000000003',
    adminPassword: 'Adm1n.Passw0rd',
    users: [
      user('alice', 'Al1ce.Passw0rd'),
      { ...user('carol', 'Car0l.Passw0rd'), upn: 'carol@corp.example' },
      user('mallory', 'Mall0ry.Passw0rd'),
      { ...user('dave', 'Dav3.Passw0rd'), enabled: false },
      { ...user('svcweb', 'Svc.Passw0rd1'), service: webService(realm) },
    ],
    groups: [
      { name: 'fleet-operators', type: 'global', members: ['alice'] },
      { name: 'fleet-viewers', type: 'universal', members: ['alice', 'carol'] },
      // alice by nesting.
      { name: 'fleet-nested', type: 'global', members: ['fleet-operators'] },
      { name: 'fleet-local', type: 'local', members: ['alice'] },
      { name: 'fleet-dist', type: 'distribution', members: ['alice'] },
    ],
  };
}

function webService(realm: string): string {
  return `HTTP/web.${realm.toLowerCase()}`;
}

/**
 * A provisioned folder that nobody serves: provisioning takes seconds, a copy a tenth of one. It is kept for later runs on this machine, for this
 * user alone, under a name that changes with whatever goes into it.
 */
async function domainTemplate(domain: Domain): Promise<string> {
  const { uid } = userInfo();
  const hash = createHash('sha256').update(readFileSync(SCRIPT)).update(JSON.stringify(domain)).digest('hex');
  const cache = join(tmpdir(), `realmward-samba-${uid}`);
  const template = join(cache, hash.slice(0, 24));
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  // Anybody may make folders in a temporary folder, and what is in this one is run.
  const { uid: owner, mode } = statSync(cache);
  if (owner !== uid || (mode & 0o077) !== 0) throw new Error(`${cache} is not this user's alone: remove it`);
  if (existsSync(template)) return template;

  const dir = mkdtempSync(join(cache, 'new-'));
  try {
    writeFileSync(join(dir, 'smb.conf'), smbConf(domain, dir, 0));
    const sids = await ask('provision', dir, domain);
    writeFileSync(join(dir, 'sids.json'), JSON.stringify(sids));
    renameSync(dir, template);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    // Another test was quicker.
    if (!existsSync(template)) throw error;
  }
  return template;
}

async function ask(action: string, dir: string, request: unknown): Promise<unknown> {
  const { stdout } = await runOk('/usr/bin/python3', [SCRIPT, action, dir], {
    input: JSON.stringify(request),
  });
  return JSON.parse(stdout);
}

function identity(sids: Readonly<Record<string, string>>, name: string): { sid: Sid; rid: number } {
  const sid = parseSid(sids[name] ?? '');
  return { sid, rid: splitRid(sid)?.rid ?? 0 };
}

function byName<T extends { readonly name: string }>(list: readonly T[]): Readonly<Record<T['name'], T>> {
  return Object.fromEntries(list.map((entry) => [entry.name, entry])) as Record<T['name'], T>;
}

function trustObject(options: AdTrustOptions): Record<string, unknown> {
  const { realm, password, previousPassword = null, kvno = 1, enctypes = 24 } = options;
  return {
    realm,
    password,
    previousPassword,
    changed: Math.floor(Date.now() / 1000) - (options.changedAgo ?? 0),
    kvno: kvno === 'none' ? null : kvno,
    enctypes: enctypes === 'none' ? null : enctypes,
    attributes: options.attributes ?? 8,
    direction: options.direction ?? 3,
    netbios: options.netbios ?? realm.split('.')[0],
    sid: options.sid ?? 'S-1-5-21-1111111111-2222222222-3333333333',
    topLevelNames: options.topLevelNames ?? [realm.toLowerCase()],
  };
}

/**
 * Issuer's realm, `krbtgt`, target's realm: one password, and a key for each direction. However the trust object writes our realm, AD takes its
 * name in upper case.
 */
function trustFacts(ad: string, options: AdTrustOptions): AdTrust {
  const { password, kvno = 1 } = options;
  const realm = options.realm.toUpperCase();
  const key = (from: string, to: string): TrustKeyFacts => ({
    principal: `krbtgt/${to}@${from}`,
    salt: `${from}krbtgt${to}`,
  });
  return {
    realm,
    password,
    kvno: kvno === 'none' ? undefined : kvno,
    adToUs: key(ad, realm),
    usToAd: key(realm, ad),
  };
}

function readLog(dir: string): string {
  const file = join(dir, 'log', 'log.samba');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function smbConf(domain: Domain, dir: string, port: number, kpasswdPort = 0): string {
  for (const folder of ['lock', 'cache', 'run', 'ncalrpc', 'log'])
    mkdirSync(join(dir, folder), { recursive: true });
  return `[global]
  netbios name = dc1
  workgroup = ${domain.netbios}
  realm = ${domain.realm}
  server role = active directory domain controller
  server services = kdc
  dcerpc endpoint servers =
  interfaces = ${ADDRESS}/8
  bind interfaces only = yes
  krb5 port = ${port}
  kpasswd port = ${kpasswdPort}
  private dir = ${dir}/private
  state directory = ${dir}/state
  binddns dir = ${dir}/bind-dns
  lock directory = ${dir}/lock
  cache directory = ${dir}/cache
  pid directory = ${dir}/run
  ncalrpc dir = ${dir}/ncalrpc
  winbindd socket directory = ${dir}/run/winbindd
  ntp signd socket directory = ${dir}/run/ntp_signd
  log file = ${dir}/log/log.samba
  max log size = 0
  log level = 1 kerberos:3 auth_audit:3
`;
}
