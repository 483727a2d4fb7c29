import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestKdc } from './kdc.ts';
import type { CacheListing } from './klist.ts';
import { parseKlist } from './klist.ts';
import { krb5Conf } from './krb5-conf.ts';
import type { Krb5ConfOptions } from './krb5-conf.ts';
import { run } from './run.ts';
import type { Env, RunResult } from './run.ts';

/** A run of a Kerberos program, with what `KRB5_TRACE` wrote meanwhile (MIT's programs alone). */
export interface TracedRun extends RunResult {
  readonly trace: string;
}

/** A person at a shell: a credential cache and a krb5.conf of their own. */
export interface Session {
  readonly env: Env;
  /** Path of the FILE credential cache. */
  readonly ccache: string;
  run(command: string, args?: readonly string[], options?: { input?: string; env?: Env }): Promise<TracedRun>;
  /** `kinit` with these arguments; `password` is typed in. */
  kinit(args: readonly string[], password?: string): Promise<TracedRun>;
  /** `klist -e -f`, read into data. Rejects where there is no cache. */
  klist(): Promise<CacheListing>;
}

/** A new session at `kdc`, without credentials. It ends with the KDC's folder. */
export function newSession(
  kdc: Pick<TestKdc, 'realm' | 'port' | 'dir' | 'env'> & Partial<Pick<TestKdc, 'kpasswd'>>,
  options: Omit<Krb5ConfOptions, 'realm' | 'port'> & { env?: Env } = {},
): Session {
  const dir = mkdtempSync(join(kdc.dir, 'session-'));
  const { env: extra = {}, ...conf } = options;
  const kpasswd: Readonly<Record<string, string>> =
    kdc.kpasswd === undefined ? {} : { kpasswd_server: kdc.kpasswd };
  const realmOptions = { ...kpasswd, ...conf.realmOptions };
  const krb5conf = join(dir, 'krb5.conf');
  writeFileSync(krb5conf, krb5Conf({ realm: kdc.realm, port: kdc.port, ...conf, realmOptions }));
  const ccache = join(dir, 'ccache');
  const env: Env = { ...kdc.env, HOME: dir, KRB5_CONFIG: krb5conf, KRB5CCNAME: `FILE:${ccache}`, ...extra };
  let runs = 0;

  const traced: Session['run'] = async (command, args = [], { input, env: more = {} } = {}) => {
    const file = join(dir, `trace-${++runs}`);
    const result = await run(command, args, {
      env: { ...env, KRB5_TRACE: file, ...more },
      ...(input === undefined ? {} : { input }),
    });
    return { ...result, trace: existsSync(file) ? readFileSync(file, 'utf8') : '' };
  };
  return {
    env,
    ccache,
    run: traced,
    kinit: (args, password) =>
      traced('kinit', args, password === undefined ? {} : { input: `${password}\n` }),
    klist: async () => {
      const { code, output } = await traced('klist', ['-e', '-f']);
      if (code !== 0) throw new Error(`klist: ${output}`);
      return parseKlist(output);
    },
  };
}
