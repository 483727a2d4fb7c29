import { addressBytes } from '../base/address.ts';
import type { HostAddress } from '../codec/krb5/basic.ts';

/** The HostAddress (RFC 4120 section 7.5.3) of an IP address in text form; an IPv4 address inside IPv6 is the IPv4 address. */
export function hostAddress(text: string): HostAddress {
  const address = addressBytes(text.replace(/^::ffff:(?=\d+\.)/i, ''));
  return { addrType: address.length === 4 ? IPV4 : IPV6, address };
}

const IPV4 = 2;
const IPV6 = 24;
