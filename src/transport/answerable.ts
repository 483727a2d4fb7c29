/** First bytes of AS-REP, TGS-REP and KRB-ERROR (application tags 11, 13 and 30). */
const REPLIES = new Set([0x6b, 0x6d, 0x7e]);

/** Ports that no client sends from: none at all, echo, daytime, qotd, chargen, time. What these services are sent, they answer. */
const ECHOING_PORTS = new Set([0, 7, 13, 17, 19, 37]);

/**
 * Whether a datagram may be answered at all. To answer replies, or services that answer anything, lets one forged source address make two
 * servers talk to each other without end (CVE-2002-2443).
 */
export function isAnswerable(datagram: Uint8Array, sourcePort: number): boolean {
  return datagram.length > 0 && !REPLIES.has(datagram[0] as number) && !ECHOING_PORTS.has(sourcePort);
}
