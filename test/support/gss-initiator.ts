import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import type { Scope } from './run.ts';
import type { Session } from './session.ts';

/** What MIT's GSS-API says to one step. */
export interface GssStep {
  readonly token: Uint8Array | undefined;
  readonly complete: boolean;
  /** What it complains about; then the rest means nothing. */
  readonly error: string | undefined;
}

/** A client of MIT's GSS-API with the tickets of a session, step by step. */
export interface GssInitiator {
  begin(
    host: string,
    options: { readonly mech: string; readonly mutual?: boolean; readonly bindings?: Uint8Array },
  ): Promise<GssStep>;
  step(token: Uint8Array): Promise<GssStep>;
  mic(message: Uint8Array): Promise<Uint8Array>;
  /** What it complains about in a MIC of the server's; `undefined`: nothing. */
  verify(message: Uint8Array, mic: Uint8Array): Promise<string | undefined>;
}

const PROGRAM = fileURLToPath(new URL('gss-initiator.py', import.meta.url));

/** Starts one; it ends with `t`. */
export function startGssInitiator(t: Scope, session: Session): GssInitiator {
  const child = spawn('/usr/bin/python3', [PROGRAM], {
    env: session.env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => {
    child.stdin.end();
    child.kill();
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (question: object): Promise<Record<string, string | boolean | null | undefined>> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the initiator has ended');
    return JSON.parse(value) as Record<string, string>;
  };
  const step = async (question: object): Promise<GssStep> => {
    const { token, complete, error } = await ask(question);
    return {
      token: typeof token === 'string' ? fromHex(token) : undefined,
      complete: complete === true,
      error: error === undefined ? undefined : String(error),
    };
  };
  return {
    begin: (host, { mech, mutual = true, bindings }) =>
      step({ begin: host, mech, mutual, bindings: bindings === undefined ? null : toHex(bindings) }),
    step: (token) => step({ step: toHex(token) }),
    async mic(message) {
      const { mic, error } = await ask({ mic: toHex(message) });
      if (typeof mic !== 'string') throw new Error(String(error));
      return fromHex(mic);
    },
    verify: async (message, mic) => (await step({ verify: toHex(message), mic: toHex(mic) })).error,
  };
}
