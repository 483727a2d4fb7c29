import { networkInterfaces } from 'node:os';

/** Loopback addresses of this machine: containers often have no IPv6. */
export const LOOPBACK: readonly string[] = Object.values(networkInterfaces())
  .flatMap((infos = []) => infos.map(({ address }) => address))
  .filter((address) => address === '127.0.0.1' || address === '::1');

/** Where a test's KDC at `port` of 127.0.0.1 changes passwords: at an address of its own, so that one free port is enough. */
export function passwordServer(port: number): string {
  return `127.0.0.3:${port}`;
}
