import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { RealmwardError } from '../../base/errors.ts';
import { parseSid, type Sid } from '../../base/sid.ts';
import { etypeByName } from '../../crypto/etypes.ts';
import { accountName } from '../../realm/account-name.ts';
import { foldName } from '../../realm/name.ts';
import type { AttemptLimit } from '../../realm/attempts.ts';
import type { RealmPolicy } from '../../realm/policy.ts';
import type { PrincipalKind } from '../../realm/principal.ts';
import type { Right } from '../../realm/right.ts';
import { checkedTrust, type TrustSettings } from '../../realm/trust-settings.ts';
import { STRONG_ETYPES } from '../../spec/etypes.ts';
import { parseYaml, type Path, type YamlFile } from './document.ts';
import { parseDuration } from './duration.ts';
import { ConfigError, formatPath, type Mistake } from './mistakes.ts';
import { type HttpsConfig, httpsMistakes } from './https.ts';
import { configSchema, type ConfigValues } from './schema.ts';
import { Secret, type SecretSource } from './secret.ts';
import { suggest } from './suggest.ts';
import { trustMistakes, trustStatement } from './trusts.ts';

/** A server's configuration. Paths are absolute, durations in seconds. */
export interface Config {
  /** The file's path as it was given. */
  readonly file: string;
  readonly realm: string;
  readonly sid: Sid | undefined;
  readonly data: string;
  /** Addresses as `parseEndpoint` reads them. */
  readonly listen: { readonly kdc: readonly string[]; readonly kpasswd: readonly string[] };
  /** `undefined`: there is no HTTPS server. */
  readonly https: HttpsConfig | undefined;
  readonly policy: RealmPolicy;
  readonly udpReplyLimit: number;
  /** Fewest characters of a user's new password. */
  readonly passwordLength: number;
  readonly lockout:
    { readonly maxFailures: number; readonly window: number; readonly duration: number } | undefined;
  readonly users: readonly DeclaredUser[];
  readonly services: readonly DeclaredService[];
  readonly trusts: readonly DeclaredTrust[];
  /** Wrong passwords of one address. */
  readonly login: AttemptLimit;
  readonly time: { readonly servers: readonly string[]; readonly interval: number } | undefined;
  readonly log: { readonly file: string | undefined; readonly level: 'debug' | 'info' | 'warn' | 'error' };
}

export interface DeclaredUser {
  /** Canonical. */
  readonly name: string;
  readonly right: Right | undefined;
  readonly password: Secret;
}

export interface DeclaredService {
  /** Canonical. */
  readonly name: string;
}

export interface DeclaredTrust extends TrustSettings {
  readonly secret: Secret;
}

/**
 * Reads and checks a configuration file. Relative paths in it are relative to the folder it is in, so that every command finds the same store
 * wherever it is run. Throws `ConfigError` with every mistake in it, or `RealmwardError` `no-config` where there is no such file.
 */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file), file);
}

/** The configuration of `text`, which is or could be what stands in `file`. Throws `ConfigError`. */
export function parseConfig(text: string, file: string): Config {
  const yaml = parseYaml(text);
  if (yaml.mistakes.length > 0) throw new ConfigError(file, yaml.mistakes);
  const parsed = configSchema.safeParse(yaml.values);
  const mistakes = [
    ...(parsed.error === undefined ? [] : schemaMistakes(parsed.error.issues, yaml)),
    ...nameMistakes(yaml),
  ];
  if (!parsed.success || mistakes.length > 0) {
    throw new ConfigError(
      file,
      mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column),
    );
  }
  return toConfig(parsed.data, file, yaml);
}

const MAX_SIZE = 4 << 20;

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_SIZE) throw new Error(`it has more than ${MAX_SIZE} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'there is no such file' : error instanceof Error ? error.message : String(error);
    throw new RealmwardError('no-config', `the configuration ${file} cannot be read: ${why}`, {
      hint: 'Name the file with --config FILE or REALMWARD_CONFIG; "realmward init --realm NAME --out FILE" writes one to begin with.',
      cause: error,
    });
  }
}

function schemaMistakes(issues: readonly z.core.$ZodIssue[], yaml: YamlFile): Mistake[] {
  const mistakes: Mistake[] = [];
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const known = knownKeys(issue.path);
    for (const key of issue.keys) {
      const path = [...issue.path, key];
      const similar = suggest(key, known);
      if (similar !== undefined) meant.add(formatPath([...issue.path, similar]));
      const expected = similar === undefined ? `one of ${known.join(', ')}` : `"${similar}"`;
      mistakes.push({
        ...yaml.positionOfKey(path),
        key: formatPath(path),
        found: 'an unknown key',
        expected,
      });
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const key = formatPath(issue.path);
    const found = yaml.describe(issue.path, { secret: mayHoldSecret(issue) });
    // It is not missing, its name is misspelt, and that was said.
    if (found === 'nothing' && meant.has(key)) continue;
    mistakes.push({ ...yaml.positionOf(issue.path), key, found, expected: expectation(issue, yaml.values) });
  }
  return mistakes;
}

/** Where keys and values or a list were expected, anything may stand, a password among it. */
function mayHoldSecret(issue: z.core.$ZodIssue): boolean {
  const compound = issue.code === 'invalid_type' && ['object', 'array'].includes(issue.expected);
  return compound || issue.path.includes('password') || issue.path.includes('secret');
}

function expectation(issue: z.core.$ZodIssue, values: unknown): string {
  if (issue.code !== 'invalid_value') return issue.message;
  const found = valueAt(values, issue.path);
  const similar = typeof found === 'string' ? suggest(found, issue.values.map(String)) : undefined;
  return similar === undefined ? issue.message : `"${similar}" (${issue.message})`;
}

/** The keys that the schema knows at `path`. */
function knownKeys(path: Path): string[] {
  let schema: unknown = configSchema;
  for (const part of path) {
    const { def } = unwrap(schema);
    schema = typeof part === 'number' ? def.element : def.shape?.[String(part)];
  }
  return Object.keys(unwrap(schema).def.shape ?? {});
}

interface Inner {
  def: { innerType?: unknown; element?: unknown; shape?: Record<string, unknown> };
}

/** The schema inside `optional`, `default` and `prefault`. */
function unwrap(schema: unknown): Inner {
  const inner = schema as Inner;
  return inner.def.innerType === undefined ? inner : unwrap(inner.def.innerType);
}

/** What a schema cannot see: names that the realm cannot have, and values that stand twice. */
function nameMistakes(yaml: YamlFile): Mistake[] {
  const realm = valueAt(yaml.values, ['realm']);
  const mistakes: Mistake[] = [];
  const mistake = (path: Path, expected: string): void => {
    mistakes.push({
      ...yaml.positionOf(path),
      key: formatPath(path),
      found: yaml.describe(path, { secret: false }),
      expected,
    });
  };
  const seen = new Map<string, Path>();
  for (const [list, kind] of [
    ['users', 'user'],
    ['services', 'service'],
  ] as const) {
    for (const path of itemPaths(yaml.values, [list])) {
      const at = [...path, 'name'];
      const given = valueAt(yaml.values, at);
      if (typeof given !== 'string' || typeof realm !== 'string') continue;
      const name = tryName(given, kind, realm);
      if (typeof name !== 'string') mistake(at, `another name: ${name.message}`);
      else if (seen.has(foldName(name)))
        mistake(at, `a name that differs from that of ${formatPath(seen.get(foldName(name)) as Path)}`);
      else seen.set(foldName(name), path);
    }
  }
  const own = { realm: typeof realm === 'string' ? realm : '', sid: valueAt(yaml.values, ['sid']) as Sid };
  for (const { path, expected } of trustMistakes(valueAt(yaml.values, ['trusts']), own)) {
    const at = ['trusts', ...path];
    // One SID may stand there without a list around it.
    mistake(
      valueAt(yaml.values, at) === undefined && typeof at.at(-1) === 'number' ? at.slice(0, -1) : at,
      expected,
    );
  }
  const listening = new Set<unknown>();
  for (const server of ['kdc', 'kpasswd', 'https']) {
    for (const path of itemPaths(yaml.values, ['listen', server])) {
      const address = valueAt(yaml.values, path);
      if (listening.has(address)) mistake(path, 'each address once');
      listening.add(address);
    }
  }
  const stated = valueAt(yaml.values, ['https']);
  for (const { path, expected } of httpsMistakes({
    listen: valueAt(yaml.values, ['listen', 'https']),
    https: typeof stated === 'object' && stated !== null ? stated : undefined,
    services: valueAt(yaml.values, ['services']),
  })) {
    mistake(path, expected);
  }
  return mistakes;
}

function tryName(text: string, kind: PrincipalKind, realm: string): string | Error {
  try {
    return accountName(text, kind, realm);
  } catch (error) {
    return error as Error;
  }
}

function itemPaths(values: unknown, path: Path): Path[] {
  const list = valueAt(values, path);
  return Array.isArray(list) ? list.map((_, i) => [...path, i]) : [];
}

function valueAt(values: unknown, path: Path): unknown {
  let value = values;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function toConfig(values: ConfigValues, file: string, yaml: YamlFile): Config {
  const folder = dirname(resolve(file));
  const { policy, realm } = values;
  const sid = values.sid === undefined ? undefined : parseSid(values.sid);
  const lockout = policy.lockout && {
    maxFailures: policy.lockout.maxFailures,
    window: seconds(policy.lockout.window),
    duration: seconds(policy.lockout.duration),
  };
  const where = (path: Path) => `${file}:${yaml.positionOf(path).line}: ${formatPath(path)}`;
  return {
    file,
    realm,
    sid,
    data: resolve(folder, values.data),
    listen: { kdc: values.listen.kdc, kpasswd: values.listen.kpasswd },
    https: values.https && {
      listen: values.listen.https ?? [],
      names: values.https.names.map((name) => name.toLowerCase()),
      files: certificateFiles(values.https, folder),
    },
    policy: {
      maxLife: seconds(policy.maxLife),
      maxRenew: seconds(policy.maxRenew),
      clockSkew: seconds(policy.clockSkew),
      revealUnknownClients: policy.revealUnknownClients,
      etypes: strongestFirst(policy.etypes),
      lockout,
      throttle: { ...policy.throttle, window: seconds(policy.throttle.window) },
    },
    udpReplyLimit: policy.udpReplyLimit,
    passwordLength: policy.passwordLength,
    lockout,
    users: values.users.map((user, i) => ({
      name: accountName(user.name, 'user', realm),
      right: user.right,
      password: new Secret(secretSource(user.password, folder), where(['users', i, 'password'])),
    })),
    services: values.services.map((service) => ({ name: accountName(service.name, 'service', realm) })),
    trusts: values.trusts.map((trust, i) => ({
      ...checkedTrust(trustStatement(trust), { realm, sid }),
      secret: new Secret(secretSource(trust.secret, folder), where(['trusts', i, 'secret'])),
    })),
    login: { maxFailures: values.login.maxFailures, window: seconds(values.login.window) },
    time: values.time && { servers: values.time.servers, interval: seconds(values.time.interval) },
    log: {
      file: values.log.file === undefined ? undefined : resolve(folder, values.log.file),
      level: values.log.level,
    },
  };
}

function certificateFiles(
  { certificate, key }: NonNullable<ConfigValues['https']>,
  folder: string,
): HttpsConfig['files'] {
  if (certificate === undefined || key === undefined) return undefined;
  return { certificate: resolve(folder, certificate), key: resolve(folder, key) };
}

function secretSource(secret: ConfigValues['users'][number]['password'], folder: string): SecretSource {
  if (typeof secret === 'string') return { value: secret };
  return 'file' in secret ? { file: resolve(folder, secret.file) } : secret;
}

function strongestFirst(names: readonly string[]): readonly number[] {
  const wanted = new Set(names.map(etypeByName));
  return STRONG_ETYPES.filter((etype) => wanted.has(etype));
}

function seconds(duration: string): number {
  return parseDuration(duration) as number;
}
