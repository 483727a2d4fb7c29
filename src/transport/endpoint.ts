import { isIPv4, isIPv6 } from 'node:net';
import { addressBytes } from '../base/address.ts';
import { RealmwardError } from '../base/errors.ts';

/** An IP address in text form (IPv6 without brackets, with its zone where it has one) and a port; port 0 stands for any free one. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Parses `192.0.2.1:88`, `[2001:db8::1]:88` or `[fe80::1%eth0]:88`. Host names are no endpoints: what a server listens on must not depend on
 * DNS. Throws `RealmwardError` with code `bad-endpoint`.
 */
export function parseEndpoint(text: string): Endpoint {
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(text);
  if (bracketed === null && isIPv6(text)) {
    throw badEndpoint(text, 'an IPv6 address stands in brackets before its port', `Write [${text}]:88.`);
  }
  const colon = text.lastIndexOf(':');
  const host = bracketed?.[1] ?? (colon < 0 ? text : text.slice(0, colon));
  const port = bracketed?.[2]?.replace(/^:/, '') ?? (colon < 0 ? '' : text.slice(colon + 1));
  if (host === '' || (colon < 0 && /^\d+$/.test(text))) {
    throw badEndpoint(
      text,
      'it has no address',
      'Write 0.0.0.0:88 for all IPv4 and [::]:88 for all IPv6 addresses.',
    );
  }
  if (bracketed === null ? !isIPv4(host) : !isIPv6(host)) {
    throw badEndpoint(
      text,
      `"${host}" is not an IP address`,
      'Give the address itself: 192.0.2.1:88 or [2001:db8::1]:88.',
    );
  }
  if (port === '' || (bracketed !== null && bracketed[2]?.[0] !== ':')) {
    throw badEndpoint(text, 'it has no port', `Write ${formatEndpoint({ host, port: 88 })}.`);
  }
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) {
    throw badEndpoint(
      text,
      `"${port}" is not a port`,
      'A port is a number from 1 to 65535, or 0 for any free one.',
    );
  }
  return { host, port: Number(port) };
}

/** The text that `parseEndpoint` reads. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether `host` stands for all addresses of its family (`0.0.0.0`, `::` in any spelling). */
export function isWildcard(host: string): boolean {
  return addressBytes(host).every((byte) => byte === 0);
}

/** Whether both are text for the same address; zones count. */
export function sameAddress(a: string, b: string): boolean {
  return a === b || (zoneOf(a) === zoneOf(b) && addressBytes(a).join() === addressBytes(b).join());
}

function zoneOf(host: string): string | undefined {
  return host.split('%')[1];
}

function badEndpoint(text: string, why: string, hint: string): RealmwardError {
  return new RealmwardError('bad-endpoint', `"${text}" is not an address to listen on: ${why}`, { hint });
}
