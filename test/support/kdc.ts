import type { Reporter } from './peers.ts';
import { requirePeer } from './peers.ts';
import { startMitKdc } from './mit-kdc.ts';
import { startRealmwardKdc } from './realmward-kdc.ts';
import type { Env, RunResult, Scope } from './run.ts';

/** What a test wants of a KDC: the part of realmward's configuration file that it cares about. */
export interface KdcConfig {
  /** Default `REALM1.EXAMPLE`. */
  readonly realm?: string;
  readonly policy?: {
    readonly maxLife?: string;
    readonly maxRenew?: string;
    readonly clockSkew?: string;
    readonly udpReplyLimit?: number;
    readonly revealUnknownClients?: boolean;
    /** Names as in the configuration file, which are MIT's, too. */
    readonly etypes?: readonly string[];
  };
  readonly users?: readonly {
    readonly name: string;
    readonly password: string;
    readonly right?: 'Administrator' | 'Viewer' | 'Join-Realm';
  }[];
  readonly services?: readonly { readonly name: string }[];
  /** Whether passwords can be changed, at `TestKdc.kpasswd`. */
  readonly kpasswd?: boolean;
  /** Serve HTTPS, too, under these names; realmward alone. Its address is 127.0.0.2, and its port that of the KDC. */
  readonly https?: { readonly names: readonly string[] };
  readonly sid?: string;
  readonly trusts?: readonly TrustConfig[];
}

/** A trusted realm under the names of the configuration file. MIT takes realm, direction, secret and enctypes of it. */
export interface TrustConfig {
  readonly realm: string;
  readonly secret: string;
  readonly direction: 'inbound' | 'outbound' | 'both';
  readonly kind?: 'ad' | 'realmward' | 'mit';
  readonly netbios?: string;
  readonly domainSid?: string | readonly string[];
  readonly kdcs?: readonly string[];
  /** Where its users change their passwords; `host:port`. */
  readonly kpasswd?: readonly string[];
  readonly enctypes?: readonly string[];
  /** Realms behind this one, and DNS suffixes beside its own. */
  readonly transits?: readonly string[];
  readonly transitive?: boolean;
  readonly domains?: readonly string[];
  readonly mode?: 'keep' | 'groups';
  readonly reportOnly?: boolean;
  /** Wrong passwords for one account through the login proxy, in the window. */
  readonly maxFailures?: number;
  readonly window?: string;
  readonly rights?: readonly (({ readonly rid: number } | { readonly sid: string }) & {
    readonly right: 'Administrator' | 'Viewer' | 'Join-Realm';
  })[];
}

/** A KDC that serves on loopback until its test ends. */
export interface TestKdc {
  readonly implementation: 'realmward' | 'mit';
  readonly realm: string;
  readonly address: string;
  /** UDP and TCP. */
  readonly port: number;
  /** Where passwords are changed, as a krb5.conf names it; `undefined`: nowhere. */
  readonly kpasswd: string | undefined;
  /** A folder of its own, gone when the test ends. */
  readonly dir: string;
  /** Path of a krb5.conf for MIT's and Heimdal's programs, without any option a test may want to try. */
  readonly krb5conf: string;
  /** Of the process that serves now; another one after `restart`. */
  readonly pid: number;
  /** A clean environment with `KRB5_CONFIG`. */
  readonly env: Env;
  /** What the server has logged so far. */
  log(): string;
  /** Writes the newest keys of these principals to a new keytab and returns its path. The keys stay as they are. */
  exportKeytab(...principals: string[]): Promise<string>;
  /** The same for krbtgt, whose key no operator needs: only whoever looks into captures does. */
  exportRealmKey(): Promise<string>;
  /** Refuses tickets to this user from now on. */
  disable(user: string): Promise<void>;
  /** Makes this user change the password before the next ticket. */
  expirePassword(user: string): Promise<void>;
  /** Makes a new key for krbtgt; the old one stays alive for the tickets that were made with it. */
  rotateRealmKey(): Promise<void>;
  /** Runs realmward's own command line on the realm's store. Rejects on another implementation. */
  cli(args: readonly string[], input?: string): Promise<RunResult>;
  stop(): Promise<void>;
  /** Stops it and starts it anew on its port and its store; resolves to how many milliseconds it took until it listened. */
  restart(): Promise<number>;
}

/** Which KDC the interop tests try. `REALMWARD_TEST_KDC=mit` tries the tests themselves, against a KDC that is known to be right. */
export const TESTED_KDC: 'realmward' | 'mit' =
  process.env['REALMWARD_TEST_KDC'] === 'mit' ? 'mit' : 'realmward';

/** Starts the KDC under test; it is ready when the promise resolves, and is stopped with `t`. */
export function startKdc(t: Scope, config: KdcConfig = {}): Promise<TestKdc> {
  return TESTED_KDC === 'mit' ? startMitKdc(t, config) : startRealmwardKdc(t, config);
}

/** False, and the test skipped, where a claim holds for realmward alone and another KDC stands in. */
export function requireRealmward(t: Reporter): boolean {
  if (TESTED_KDC === 'realmward') return true;
  t.pass('realmward alone promises this', { skip: `${TESTED_KDC} stands in` });
  return false;
}

/** Whether the KDC under test can run here; the test is skipped where it cannot. */
export function requireKdc(t: Reporter): boolean {
  return TESTED_KDC === 'realmward' || requirePeer(t, 'mit-kdc');
}
