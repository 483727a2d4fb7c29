import type { HostAddress } from '../../codec/krb5/basic.ts';
import { refuse } from '../refusal.ts';

/** Address types: RFC 4120 section 7.5.3. */
const IPV4 = 2;
const NETBIOS = 20;
const IPV6 = 24;

/**
 * Refuses a ticket that is bound to addresses (section 5.3, caddr) and comes from another one. An empty list binds to nothing, and neither
 * does the name of the workstation, which Windows and Samba put there: no sender can be compared with it.
 */
export function checkAddresses(caddr: readonly HostAddress[] | undefined, from: string): void {
  if (caddr === undefined || caddr.every(({ addrType }) => addrType === NETBIOS)) return;
  const sender = parseAddress(from);
  const listed = caddr.some(
    ({ addrType, address }) =>
      addrType === sender.addrType &&
      address.length === sender.address.length &&
      address.every((octet, i) => octet === sender.address[i]),
  );
  if (!listed) refuse('wrong-address', `The request came from ${from}.`);
}

/** The HostAddress of an IP address in text form; an IPv4 address mapped into IPv6 is the IPv4 address. */
function parseAddress(text: string): { addrType: number; address: readonly number[] } {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  const dotted = mapped?.[1] ?? text;
  if (!dotted.includes(':')) return { addrType: IPV4, address: dotted.split('.').map(Number) };
  const [head = '', tail] = (dotted.split('%')[0] as string).split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => 0);
  return {
    addrType: IPV6,
    address: [...front, ...zeros, ...back].flatMap((word) => [word >> 8, word & 0xff]),
  };
}
