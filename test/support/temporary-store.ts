import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Key } from '../../src/base/key.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { NewPrincipal } from '../../src/realm/ports.ts';
import type { PrincipalKey } from '../../src/realm/principal.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/open.ts';
import { capturedLog } from './captured-log.ts';
import type { Scope } from './run.ts';

export const STORE_REALM = 'REALM1.EXAMPLE';

/** A folder of the test's own, gone when it ends. */
export function temporaryDir(t: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), 'realmward-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An open store, in a new folder unless one is given; closed when the test ends. */
export async function temporaryStore(
  t: Scope,
  options: Partial<StoreOptions> = {},
): Promise<Store & { data: string; log: ReturnType<typeof capturedLog> }> {
  const data = options.data ?? join(temporaryDir(t), 'data');
  const log = capturedLog();
  const store = await openStore({ data, realm: STORE_REALM, environment: {}, log, ...options });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await store.close();
    open = false;
  };
  t.teardown(close);
  return { ...store, close, data, log };
}

/** A service with one random key, unless other fields are given. */
export function someService(fields: Partial<NewPrincipal> & { name: string }): NewPrincipal {
  return { kind: 'service', passwordChanged: 1_700_000_000, keys: [someKey()], ...fields };
}

/** A random key of kvno 1, etype 18, unless other fields are given. */
export function someKey(fields: Partial<Omit<PrincipalKey, 'key'>> & { etype?: number } = {}): PrincipalKey {
  const { etype = 18, ...others } = fields;
  const key = new Key(etype, nodeCrypto.randomBytes(etype % 2 === 0 ? 32 : 16));
  return { kvno: 1, key, salt: undefined, s2kparams: undefined, created: 1_700_000_000, ...others };
}
