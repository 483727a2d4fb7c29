import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLEAN_ENV } from './run.ts';
import type { Env, Scope } from './run.ts';

/** A server program that runs in the background. */
export interface Daemon {
  readonly pid: number;
  /** What it has said so far on both streams. */
  log(): string;
  /** Exit code, or signal name, once it has ended. */
  ended(): number | string | undefined;
  /** Asks it to end (SIGTERM), insists after five seconds, and resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a server; it is stopped with `scope`. What it says goes straight to the file `log`: nobody here spends time on it, and it may be
 * long.
 */
export function startDaemon(
  scope: Scope,
  command: string,
  args: readonly string[],
  options: { log: string; env?: Env; cwd?: string },
): Daemon {
  const { log, env = CLEAN_ENV, cwd } = options;
  const output = openSync(log, 'a', 0o600);
  const child = spawn(command, args, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let end: number | string | undefined;
  const closed = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      end = `not started: ${error.message}`;
      resolve();
    });
    child.on('exit', (code, signal) => {
      end ??= signal ?? code ?? 'gone';
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    if (end === undefined) {
      child.kill('SIGTERM');
      await Promise.race([closed, sleep(5000, undefined, { ref: false })]);
      if (end === undefined) child.kill('SIGKILL');
    }
    await closed;
  };
  scope.teardown(stop);
  return { pid: child.pid ?? -1, log: () => readFileSync(log, 'utf8'), ended: () => end, stop };
}

/** Resolves when something accepts TCP connections at `port` of `host`; rejects with `daemon`'s words when it ends or stays deaf. */
export async function untilListening(daemon: Daemon, port: number, host = '127.0.0.1'): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    if (daemon.ended() !== undefined) break;
    if (await accepts(port, host)) return;
    await sleep(10);
  }
  const end = daemon.ended();
  throw new Error(
    `${end === undefined ? 'it does not listen' : `it ended (${end})`} on ${host}:${port}; it said:\n${daemon.log()}`,
  );
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
      .on('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .on('error', () => resolve(false));
  });
}

/** A port of 127.0.0.1 that is free for TCP and UDP at this moment. Another program may take it before you do: try again then. */
async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as { port: number };
    const udp = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      udp.on('listening', () => resolve(true)).on('error', () => resolve(false));
      udp.bind(port, '127.0.0.1');
    });
    udp.close();
    tcp.close();
    await once(tcp, 'close');
    if (free) return port;
  }
}

/** Calls `start` with a free port, and once more with others when somebody was quicker to take it. */
export async function onFreePort(
  start: (port: number) => Promise<Daemon>,
): Promise<{ daemon: Daemon; port: number }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      return { daemon: await start(port), port };
    } catch (error) {
      if (tries === 3 || !/in use|EADDRINUSE/i.test(String(error))) throw error;
    }
  }
}
