/** IP addresses in text form; nothing here needs Node. */
import { toHex } from './bytes.ts';

/** Whether `host` is an IPv6 address. */
export function isV6(host: string): boolean {
  return host.includes(':');
}

/** The 4 or 16 bytes of an IP address in text form; its zone is left out. The text must be an address. */
export function addressBytes(host: string): Uint8Array {
  if (!isV6(host)) return Uint8Array.from(host.split('.'), Number);
  const plain = (host.split('%')[0] as string).replace(/[\d.]+$/, (tail) =>
    tail.includes('.') ? hexOfV4(tail) : tail,
  );
  const [left = '', right] = plain.split('::');
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const bytes = new Uint8Array(16);
  head.forEach((group, i) => put(bytes, 2 * i, group));
  tail.forEach((group, i) => put(bytes, 16 - 2 * (tail.length - i), group));
  return bytes;
}

/**
 * What limits by address count as one client: an IPv4 address, or the /64 that an IPv6 address stands in, because one host owns at least that
 * much. An IPv4 address inside IPv6 counts as itself.
 */
export function addressGroup(address: string): string {
  if (!isV6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? toHex(addressBytes(address).subarray(0, 8));
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function put(bytes: Uint8Array, at: number, group: number): void {
  bytes[at] = group >>> 8;
  bytes[at + 1] = group & 0xff;
}

function hexOfV4(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
