/** The device believes no server, only its own key: what it grants stands in a ticket that none but its realm can have made. */
import { loginRight, showPrincipal, verifyApReq } from 'realmward-client';
import { nodeAcceptor } from 'realmward-client/node';
import type { Right } from './result.ts';

export interface TicketOwner {
  readonly principal: string;
  readonly right: Right | undefined;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Reads AP-REQs with the device's keytab. What it gives back throws `ApError` for one that is not proven, that came before, or is too old. */
export function ticketReader(keytab: Uint8Array): (apReq: Uint8Array) => TicketOwner {
  const acceptor = nodeAcceptor(keytab);
  return (apReq) => {
    const verified = verifyApReq(acceptor, apReq);
    return {
      principal: showPrincipal(verified.client),
      right: loginRight(acceptor.crypto, verified),
      expires: verified.ticket.endtime * 1000,
    };
  };
}
