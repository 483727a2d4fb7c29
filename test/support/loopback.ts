import { networkInterfaces } from 'node:os';

/** Loopback addresses of this machine: containers often have no IPv6. */
export const LOOPBACK: readonly string[] = Object.values(networkInterfaces())
  .flatMap((infos = []) => infos.map(({ address }) => address))
  .filter((address) => address === '127.0.0.1' || address === '::1');
