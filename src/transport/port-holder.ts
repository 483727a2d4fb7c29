import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { addressBytes } from '../base/address.ts';
import type { Endpoint } from './endpoint.ts';

/** A program that holds a port: its process id and its name, or the user id alone where its process cannot be seen. */
export type PortHolder = { readonly pid: number; readonly program: string } | { readonly uid: number };

/**
 * Who holds `endpoint` on this machine, as Linux's /proc tells it; `undefined` where it does not. Reads every process's table of files, so it is
 * for error messages only.
 */
export function findPortHolder(
  transport: 'udp' | 'tcp',
  endpoint: Endpoint,
  proc = '/proc',
): PortHolder | undefined {
  const sockets = [`${proc}/net/${transport}`, `${proc}/net/${transport}6`].flatMap((file) =>
    boundSockets(readText(file), transport),
  );
  const wanted = addressBytes(endpoint.host);
  const rivals = sockets.filter(({ port, address }) => port === endpoint.port && overlap(address, wanted));
  if (rivals.length === 0) return undefined;
  const inodes = new Set(rivals.map(({ inode }) => `socket:[${inode}]`));
  for (const pid of list(proc).filter((name) => /^\d+$/.test(name))) {
    if (!list(`${proc}/${pid}/fd`).some((fd) => inodes.has(readLink(`${proc}/${pid}/fd/${fd}`)))) continue;
    return { pid: Number(pid), program: programName(`${proc}/${pid}`) };
  }
  return { uid: rivals[0]?.uid ?? 0 };
}

/** The program's file name; for an interpreter its script's, too. Never more of the command line: others' secrets may stand there. */
function programName(process: string): string {
  const [program = '', script = ''] = readText(`${process}/cmdline`).split('\0');
  // Kernel threads and the like have no command line. (`comm` comes second: a thread's name may stand there.)
  if (program === '') return readText(`${process}/comm`).trim();
  const name = basename(program);
  const interpreted = /^(node|python|perl|ruby|java|sh|bash)/.test(name) && !/^(-|$)/.test(script);
  return interpreted ? `${name} ${basename(script)}` : name;
}

interface BoundSocket {
  readonly address: Uint8Array;
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

const LISTEN = '0A';

/** The lines of /proc/net/tcp and its like (proc_pid_net(5)): `sl local_address rem_address st … uid timeout inode …`. */
function boundSockets(table: string, transport: 'udp' | 'tcp'): BoundSocket[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      const [, local = '', , state, , , , uid, , inode] = columns;
      const [address, port] = local.split(':');
      if (address === undefined || port === undefined || inode === undefined) return [];
      if (transport === 'tcp' && state !== LISTEN) return [];
      return [{ address: kernelAddress(address), port: Number.parseInt(port, 16), uid: Number(uid), inode }];
    });
}

/** Addresses stand there as 32-bit words in the machine's byte order, which is little-endian wherever Node 24 runs. */
function kernelAddress(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, 'hex');
  return bytes.swap32();
}

/** Whether two sockets on one port get into each other's way: the same address, or one of them has all addresses. */
function overlap(a: Uint8Array, b: Uint8Array): boolean {
  const wildcard = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
  return wildcard(a) || wildcard(b) || (a.length === b.length && a.every((byte, i) => byte === b[i]));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
