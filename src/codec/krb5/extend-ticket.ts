import { Reader } from '../der/reader.ts';
import { Writer } from '../der/writer.ts';
import { AuthorizationData } from './basic.ts';
import { EncTicketPart } from './ticket.ts';

const SEQUENCE = 0x30;
const AUTHORIZATION_DATA = 0xa0 | 10;

const writer = new Writer();

/**
 * DER of a ticket's inside with these authorization data; `bare` is its DER without any. A KDC needs one inside with three of them (under the
 * signature of a CAMMAC, under that of the PAC, and in the ticket), and they are its last field: so all others are encoded once.
 */
export function withAuthorizationData(bare: Uint8Array, data: AuthorizationData): Uint8Array {
  const reader = new Reader(bare);
  reader.enter(SEQUENCE, reader.enter(EncTicketPart.tag, bare.length));
  try {
    AuthorizationData.write(writer, data);
    writer.header(AUTHORIZATION_DATA, 0);
    writer.octets(bare.subarray(reader.pos));
    writer.header(SEQUENCE, 0);
    writer.header(EncTicketPart.tag, 0);
  } catch (error) {
    writer.discard();
    throw error;
  }
  return writer.take();
}
