/** What `realmward login test` works with: who is meant, which servers, whose keys. With a configuration and without one. */
import { readFileSync } from 'node:fs';
import {
  type ClientContext,
  parsePrincipal,
  type Principal,
  type Proof,
  samePrincipal,
  toCcache,
} from '../client/index.ts';
import type { Credential } from '../client/index.ts';
import { nodeClient, type NodeClientOptions } from '../client/node.ts';
import { parseServer } from '../client/server.ts';
import { writeCcache } from '../codec/ccache.ts';
import { type KeytabEntry, readKeytab } from '../codec/keytab.ts';
import { type LoginReport, testLogin } from '../doctor/login-test.ts';
import type { DeviceKey } from '../doctor/service-ticket.ts';
import { formatName } from '../realm/name.ts';
import { formatEndpoint, parseEndpoint } from '../transport/endpoint.ts';
import type { Realm } from './compose/realm.ts';
import { replacePrivateFile } from '../store/data-dir.ts';
import { reachable } from './krb5-conf.ts';
import { findVisitor } from './people.ts';

export interface LoginTestOptions {
  /** Servers of the user's realm, or `REALM=server`: each as the client's lists have it. */
  readonly servers: readonly string[];
  /** `device1`, `HTTP/device1`, or either with `@REALM`. */
  readonly device?: string | undefined;
  /** Names of files: PEM of a CA, and a keytab with the device's key. */
  readonly ca?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly deviceKeytab?: string | undefined;
}

/** A login to be tested. */
export interface PreparedLogin {
  readonly user: Principal;
  run(proof: Proof): Promise<LoginReport>;
}

/**
 * Whom and what `text` and the options mean; `realm`: the one of the configuration, `undefined` without. Throws `RealmwardError` `bad-principal`,
 * `bad-server`, `bad-keytab`, `bad-certificate`, `bad-fingerprint`, `not-found`, or the system's error for a file.
 */
export async function prepareLogin(
  realm: Realm | undefined,
  text: string,
  options: LoginTestOptions,
): Promise<PreparedLogin> {
  const own = realm?.config.realm;
  const user = await userOf(realm, text, options.servers.length > 0);
  const realms = {
    ...(realm === undefined ? {} : await knownServers(realm)),
    ...named(options.servers, user.realm),
  };
  const clockSkew = realm?.config.policy.clockSkew ?? 300;
  const clientOptions: NodeClientOptions = {
    realms,
    settings: { clockSkew },
    tls: {
      ...(options.ca === undefined ? {} : { ca: readFileSync(options.ca, 'utf8') }),
      ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
    },
  };
  // Mistakes are told before a password is asked for.
  nodeClient(clientOptions);
  const device = options.device === undefined ? undefined : deviceOf(options.device, own);
  const entries =
    options.deviceKeytab === undefined ? undefined : readKeytab(readFileSync(options.deviceKeytab));
  return {
    user,
    run: (proof) =>
      testLogin({
        user,
        proof,
        device,
        keysOf: (server) => deviceKeys(server, realm, entries),
        client: (observe): ClientContext => nodeClient({ ...clientOptions, observe }),
        clockSkew,
        now: () => performance.now(),
      }),
  };
}

/** The user's keys in a keytab. Throws `RealmwardError` `bad-keytab`, or the system's error. */
export function keytabProof(file: string): Proof {
  return { keytab: readKeytab(readFileSync(file)) };
}

/** Writes tickets to a credential cache, which only its owner may read; another one there is replaced. */
export function writeCache(name: string, tickets: readonly Credential[]): void {
  replacePrivateFile(name.replace(/^FILE:/, ''), writeCcache(toCcache(tickets)));
}

/** `user@REALM`, `REALM\user`, or a name alone, which is one of ours. */
async function userOf(realm: Realm | undefined, text: string, hasServers: boolean): Promise<Principal> {
  const windows = /^([^\\@/]+)\\([^\\@]+)$/.exec(text);
  const name = windows === null ? text : `${windows[2]}@${windows[1]}`;
  if (realm === undefined) return parsePrincipal(name);
  const own = parsePrincipal(name, realm.config.realm);
  // Whoever names servers means what is written; otherwise the realm has to be one that we know.
  if (hasServers && own.realm !== realm.config.realm) return own;
  return (await findVisitor(realm, name))?.principal ?? own;
}

function deviceOf(text: string, own: string | undefined): { name: Principal['name']; realm?: string } {
  const full = text.includes('/') ? text : `host/${text}`;
  const { name, realm } = parsePrincipal(full, own ?? '?');
  // Without a realm of our own the KDCs know where the device is.
  return realm === '?' ? { name } : { name, realm };
}

async function knownServers({ config, accounts }: Realm): Promise<Record<string, readonly string[]>> {
  const trusts = (await accounts.trusts.list()).filter(({ kdcs }) => kdcs.length > 0);
  return {
    ...Object.fromEntries(trusts.map(({ realm, kdcs }) => [realm, kdcs])),
    [config.realm]: config.listen.kdc.map((text) => formatEndpoint(reachable(parseEndpoint(text)))),
  };
}

/** Servers of `REALM=server`, and of the user's realm. */
function named(servers: readonly string[], userRealm: string): Record<string, string[]> {
  const realms: Record<string, string[]> = {};
  for (const text of servers) {
    const [, realm = userRealm, server = text] = /^([^=/]+)=(.*)$/.exec(text) ?? [];
    // Throws for what is none.
    parseServer(server, 88);
    (realms[realm] ??= []).push(server);
  }
  return realms;
}

/** The device's own keytab is what it opens tickets with; without one our store has its keys, if it is one of ours. */
async function deviceKeys(
  server: Principal,
  realm: Realm | undefined,
  entries: readonly KeytabEntry[] | undefined,
): Promise<readonly DeviceKey[] | undefined> {
  if (entries !== undefined) return entries.filter((entry) => samePrincipal(entry, server));
  if (realm === undefined || server.realm !== realm.config.realm) return undefined;
  return (await realm.accounts.principals.find(formatName(server.name.nameString)))?.keys;
}
