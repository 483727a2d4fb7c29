import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';

/** The machine's network interfaces with their addresses; `os.networkInterfaces`, or a test's own. */
export type ListInterfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/** All addresses of this machine of one family, each as it can be bound: a link-local IPv6 address with its zone. */
export function localAddresses(v6: boolean, list: ListInterfaces = networkInterfaces): string[] {
  const addresses = new Set<string>();
  for (const [name, infos = []] of Object.entries(list())) {
    for (const { family, address } of infos) {
      if ((family === 'IPv6') !== v6) continue;
      addresses.add(v6 && isLinkLocal(address) ? `${address}%${name}` : address);
    }
  }
  return [...addresses];
}

/** Within fe80::/10 (RFC 4291 section 2.5.6). */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
