import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { joinDevice } from '../../src/accounts/devices.ts';
import { importUsers } from '../../src/accounts/import-users.ts';
import { lockDataDir } from '../../src/store/lock.ts';
import type { TrustDirection } from '../../src/realm/trust.ts';
import { openStore } from '../../src/store/open.ts';
import { capturedLog } from './captured-log.ts';
import type { Scope } from './run.ts';
import { someKey, someService, STORE_REALM } from './temporary-store.ts';

/** Another process that works on the same store. */
export interface StoreProcess {
  readonly pid: number;
  /** The next line that it says, `undefined` when it has ended. */
  line(): Promise<string | undefined>;
  /** Ends it without warning, as `kill -9` does. */
  kill(): Promise<void>;
  /** Its exit code, when it has ended by itself. */
  ended(): Promise<number | null>;
}

/** Starts this file as a process of its own, with one of `VERBS`. */
export function storeProcess(t: Scope, data: string, verb: string, ...args: string[]): StoreProcess {
  const child = spawn(
    process.execPath,
    ['--expose-gc', fileURLToPath(import.meta.url), data, verb, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(kill);
  return {
    pid: child.pid as number,
    line: async () => ((await lines.next()) as { value?: string }).value,
    kill,
    ended: () => ended,
  };
}

const standingClock = { microseconds: () => 1_800_000_000_000_000 };

const VERBS: Readonly<Record<string, (data: string, ...args: string[]) => Promise<void>>> = {
  /** Adds a service, disables it, and adds one more key: three changes. */
  async change(data, name = '') {
    const store = await open(data);
    await store.principals.change(name, { disabled: true, keys: [someKey({ kvno: 7 })] });
    await store.close();
  },

  async add(data, name = '') {
    const store = await open(data);
    await store.principals.add(someService({ name }));
    await store.close();
  },

  /** Turns a trust to one direction. */
  async turn(data, realm = '', direction = '') {
    const store = await open(data);
    await store.trusts.change(realm, { direction: direction as TrustDirection });
    await store.close();
  },

  /** Records failed logins, each told apart from the others. */
  async fail(data, name = '', times = '1', at = '0') {
    const store = await open(data, { maxFailures: 50, window: 900, duration: 600 });
    const principal = await store.principals.find(name);
    if (principal === undefined) throw new Error(`no ${name}`);
    for (let i = 0; i < Number(times); i++) {
      store.recorder.failed(principal, Number(at));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await store.close();
  },

  /** Reserves attempts at a password, and says how many were allowed. */
  async attempt(data, user = '', times = '1', at = '0') {
    const { attempts, close } = await open(data);
    let allowed = 0;
    for (let i = 0; i < Number(times); i++) {
      const attempt = await attempts.reserve('AD.EXAMPLE', user, { maxFailures: 5, window: 900 }, Number(at));
      if (attempt.allowed) allowed++;
    }
    console.log(allowed);
    await close();
  },

  /** Joins devices with a join token, and says how many could. */
  async join(data, token = '', prefix = '', times = '1', at = '0') {
    const store = await open(data);
    const accounts = {
      realm: STORE_REALM,
      principals: store.principals,
      devices: store.devices,
      crypto: nodeCrypto,
      clock: { microseconds: () => Number(at) * 1_000_000 },
      etypes: [18],
      passwordLength: 8,
      reservedHosts: [],
      maxTicketLife: 3600,
    };
    let joined = 0;
    for (let i = 0; i < Number(times); i++) {
      const request = { host: `${prefix}-${i}`, from: '192.0.2.1' };
      await joinDevice(accounts, { kind: 'join-token', id: token }, request).then(
        () => joined++,
        () => undefined,
      );
    }
    console.log(joined);
    await store.close();
  },

  /** Imports users, and says after each batch how many are in the store. */
  async import(data, count = '0') {
    const store = await open(data);
    const accounts = {
      realm: STORE_REALM,
      principals: store.principals,
      crypto: nodeCrypto,
      clock: standingClock,
      etypes: [20, 19, 18, 17],
      passwordLength: 8,
    };
    const rows = Array.from({ length: Number(count) }, (_, line) => ({ line, name: `user${line}` }));
    await importUsers(accounts, rows, ({ added }) => console.log(added));
    await store.close();
  },

  /** Rotates the master key, and says how far it is. */
  async rotate(data) {
    const store = await open(data);
    await store.rotateMasterKey((done) => console.log(done));
    await store.close();
  },

  /** Takes the server's lock, says so, and stays. */
  async lock(data) {
    lockDataDir(data, standingClock);
    // A lock must last although nobody keeps what was returned.
    globalThis.gc?.();
    console.log('locked');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
};

async function open(data: string, lockout?: { maxFailures: number; window: number; duration: number }) {
  return openStore({ data, realm: STORE_REALM, environment: {}, log: capturedLog(), lockout });
}

if (import.meta.main) {
  const [, , data = '', verb = '', ...args] = process.argv;
  await VERBS[verb]?.(data, ...args);
}
