/** RFC 4120 section 3.3: one Ticket-Granting Service exchange, from the client's side. */
import { makeApReq } from '../ap/ap-req.ts';
import { type Principal, showPrincipal } from '../ap/principal.ts';
import { TGS_USAGES } from '../ap/usages.ts';
import { nowSeconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { EncTgsRepPart, KdcReqBody, TgsRep, TgsReq } from '../codec/krb5/kdc.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { KdcOption, TicketFlag } from '../spec/flags.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PaType } from '../spec/pa-types.ts';
import { fail } from './client-error.ts';
import { type ClientContext, settingsOf, shifted } from './context.ts';
import type { Credential } from './credential.ts';
import { KerberosError } from './kerberos-error.ts';
import { checkReply, openReply, readAnswer } from './reply.ts';
import { clockOffsetOf, newNonce } from './request.ts';

/** One request to one KDC. */
export interface TgsRequest {
  /** The realm whose KDC is asked. */
  readonly realm: string;
  readonly service: PrincipalName;
  /** KDC options beside those that follow from the ticket. */
  readonly options: number;
  /** Whether a ticket for this service is an answer. */
  readonly serves: (server: Principal) => boolean;
  readonly signal: AbortSignal | undefined;
}

/** Ticket flags that the new ticket shall have, too; as KDC options they have the same bits. */
const INHERITED = TicketFlag.FORWARDABLE | TicketFlag.PROXIABLE | TicketFlag.RENEWABLE;

/**
 * Asks with `ticket` for another one. The request's body is covered by a keyed checksum, and the reply comes encrypted with a key of our choice.
 * Throws `KerberosError`, `ClientError`.
 */
export async function askTgs(
  context: ClientContext,
  ticket: Credential,
  request: TgsRequest,
): Promise<Credential> {
  const { realm, service, signal } = request;
  let { clockOffset } = ticket;
  for (let round = 0; ; round++) {
    signal?.throwIfAborted();
    checkUsable(context, ticket, clockOffset);
    const sent = makeTgsReq(context, ticket, request, clockOffset);
    context.observe?.({
      kind: 'request',
      exchange: 'TGS',
      realm,
      service: showPrincipal({ realm, name: service }),
    });
    const answer = readAnswer(await context.send(realm, sent.message, { signal }), TgsRep);
    if ('reply' in answer) return accept(context, ticket, request, sent, answer.reply, clockOffset);
    const { error } = answer;
    const told = new KerberosError(realm, error);
    const offset = clockOffsetOf(context.clock, error);
    context.observe?.({ kind: 'error', realm, error: told });
    context.observe?.({ kind: 'clock', realm, offset });
    if (error.errorCode !== ErrorCode.KRB_AP_ERR_SKEW || round > 0) throw told;
    clockOffset = offset;
  }
}

/** Whoever asks with an expired ticket learns nothing from the KDC that is not known already. */
function checkUsable(context: ClientContext, { endtime, server }: Credential, clockOffset: number): void {
  const ago = nowSeconds(shifted(context.clock, clockOffset)) - endtime;
  if (ago > settingsOf(context).clockSkew)
    fail('ticket-expired', `The one for ${showPrincipal(server)} ended ${ago} seconds ago.`);
}

type Sent = ReturnType<typeof makeTgsReq>;

function makeTgsReq(context: ClientContext, ticket: Credential, request: TgsRequest, clockOffset: number) {
  const { crypto } = context;
  const nonce = newNonce(crypto);
  const till = request.options & KdcOption.RENEW ? 0 : ticket.endtime;
  const body = {
    kdcOptions: (request.options | (ticket.flags & INHERITED)) >>> 0,
    realm: request.realm,
    sname: request.service,
    till,
    rtime: ticket.renewTill,
    nonce,
    etype: settingsOf(context).etypes,
  };
  const subkey = crypto.randomKey(ticket.key.etype);
  const apReq = makeApReq(crypto, shifted(context.clock, clockOffset), ticket, {
    checksum: encode(KdcReqBody, body),
    subkey,
    usages: TGS_USAGES,
  });
  const padata = [{ padataType: PaType.TGS_REQ, padataValue: apReq.message }];
  const message = encode(TgsReq, { pvno: 5, msgType: 12, padata, reqBody: body });
  return { message, nonce, subkey, till };
}

function accept(
  context: ClientContext,
  ticket: Credential,
  request: TgsRequest,
  sent: Sent,
  reply: Parameters<typeof checkReply>[0],
  clockOffset: number,
): Credential {
  const { encPart } = reply;
  const { etypes, clockSkew } = settingsOf(context);
  if (encPart.etype !== sent.subkey.etype)
    fail('etype-refused', `The reply has the encryption type ${encPart.etype}.`);
  const usage = KeyUsage.TGS_REP_ENC_PART_SUBKEY;
  const part = openReply(context.crypto, sent.subkey, usage, EncTgsRepPart, encPart.cipher);
  if (part === undefined) return fail('reply-integrity');
  const credential = {
    ...checkReply(reply, part, {
      nonce: sent.nonce,
      client: ticket.client,
      realm: request.realm,
      serves: request.serves,
      etypes,
      till: sent.till,
      now: nowSeconds(shifted(context.clock, clockOffset)),
      clockSkew,
    }),
    clockOffset,
  };
  context.observe?.({ kind: 'ticket', exchange: 'TGS', realm: request.realm, credential });
  return credential;
}
