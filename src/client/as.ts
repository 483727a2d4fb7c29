/** RFC 4120 section 3.1: the Authentication Service exchange, from the client's side. */
import { type Principal, sameName, showPrincipal, showText } from '../ap/principal.ts';
import type { Key } from '../base/key.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import { decode, encode } from '../codec/der/type.ts';
import { Checksum, type PaData, type PrincipalName } from '../codec/krb5/basic.ts';
import type { KrbError } from '../codec/krb5/error.ts';
import { AsRep, AsReq, EncAsRepPart, type EncKdcRepPart, type KdcRep } from '../codec/krb5/kdc.ts';
import { PaPacRequest } from '../codec/krb5/padata.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { KdcOption, TicketFlag } from '../spec/flags.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PaType } from '../spec/pa-types.ts';
import { fail } from './client-error.ts';
import { type ClientContext, settingsOf, shifted } from './context.ts';
import type { Credential } from './credential.ts';
import { KerberosError } from './kerberos-error.ts';
import { krbtgt } from './names.ts';
import { type Demand, encTimestamp, keyInfos, readDemand } from './preauth.ts';
import { type KeyInfo, type KeySource, keySource, type Proof } from './proof.ts';
import { checkReply, openReply, readAnswer, readOr } from './reply.ts';
import { clockOffsetOf, newNonce } from './request.ts';

/** A log-in. */
export interface InitialRequest {
  /** Who logs in; an enterprise name (`enterprisePrincipal`) is asked for in the realm that it is given with. */
  readonly client: Principal;
  readonly proof: Proof;
  /** Default: the realm's krbtgt. */
  readonly service?: PrincipalName;
  /** How long the ticket shall live, in seconds; left out: as long as the KDC allows. */
  readonly lifetime?: Seconds;
  /** How long it shall be possible to renew it, in seconds; left out: not at all. */
  readonly renewable?: Seconds;
  readonly forwardable?: boolean;
  /** Whether the KDC may correct the client's name, and refer to another realm for it (RFC 6806). Default false. */
  readonly canonicalize?: boolean;
  /** Asks for a PAC, or for none (MS-KILE 2.2.3); left out: as the KDC likes. */
  readonly pac?: boolean;
  readonly signal?: AbortSignal;
}

/** Referrals from realm to realm that are followed for one name. */
const MAX_REFERRALS = 5;

/** Requests to one realm: one that learns what is demanded, one with it, one more after the clock was corrected, and one in reserve. */
const MAX_ROUNDS = 4;

/**
 * Gets a client's first ticket: asks the KDC what it demands, proves the password or the key, checks the answer. Throws `KerberosError` for
 * what the KDC refuses (`kdc-err-preauth-failed`: the password is wrong), `ClientError` for everything else; a reason of `signal`
 * as it is.
 */
export async function getInitialTicket(context: ClientContext, request: InitialRequest): Promise<Credential> {
  let { client } = request;
  const visited = [client.realm];
  for (;;) {
    const result = await logIn(context, { ...request, client });
    if (typeof result !== 'string') return result;
    context.observe?.({ kind: 'referral', exchange: 'AS', from: client.realm, to: result });
    if (visited.includes(result)) fail('referral-loop', showText([...visited, result].join(' → '), 400));
    if (visited.length > MAX_REFERRALS) fail('too-many-hops', showText(visited.join(' → '), 400));
    visited.push(result);
    client = { realm: result, name: client.name };
  }
}

/** The state of a log-in at one realm. */
interface Login {
  readonly context: ClientContext;
  readonly request: InitialRequest;
  readonly source: KeySource;
  /** What the KDC demanded, and the key it is met with. */
  preauth: { readonly demand: Demand; readonly key: Key } | undefined;
  /** Microseconds that the KDC's clock is ahead of ours. */
  offset: number;
  corrected: boolean;
}

/** A credential, or the realm that the KDC refers to. */
async function logIn(context: ClientContext, request: InitialRequest): Promise<Credential | string> {
  const { client, proof, signal } = request;
  const source = keySource(context.crypto, client, proof, settingsOf(context));
  const login: Login = { context, request, source, preauth: undefined, offset: 0, corrected: false };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    signal?.throwIfAborted();
    const sent = makeAsReq(login);
    context.observe?.({
      kind: 'request',
      exchange: 'AS',
      realm: client.realm,
      service: showPrincipal({ realm: client.realm, name: sent.service }),
    });
    const answer = readAnswer(await context.send(client.realm, sent.message, { signal }), AsRep);
    if ('reply' in answer) return accept(login, sent, answer.reply);
    const referral = await handle(login, answer.error);
    if (referral !== undefined) return referral;
  }
  return fail('no-end');
}

/** Does what an error asks for, so that the request is worth another round; gives the realm it refers to. Throws what ends the log-in. */
async function handle(login: Login, error: KrbError): Promise<string | undefined> {
  const { context, request, source } = login;
  const { realm } = request.client;
  const told = new KerberosError(realm, error);
  const clockOffset = clockOffsetOf(context.clock, error);
  context.observe?.({ kind: 'clock', realm, offset: clockOffset });
  const demanded = error.errorCode === ErrorCode.KDC_ERR_PREAUTH_REQUIRED && login.preauth === undefined;
  if (!demanded) context.observe?.({ kind: 'error', realm, error: told });
  switch (error.errorCode) {
    case ErrorCode.KDC_ERR_PREAUTH_REQUIRED: {
      if (login.preauth !== undefined) throw told;
      const demand = readDemand(error.eData, source);
      const { info } = demand;
      context.observe?.({ kind: 'preauth', realm, etype: info.etype, salt: source.salt(info) });
      login.preauth = { demand, key: await source.key(info) };
      return undefined;
    }
    case ErrorCode.KRB_AP_ERR_SKEW:
      // The time is not authenticated: what it can do is to make one more request fail. The reply's own time decides.
      if (login.corrected) throw told;
      login.corrected = true;
      login.offset = clockOffset;
      return undefined;
    case ErrorCode.KDC_ERR_WRONG_REALM:
      if (request.canonicalize !== true || error.crealm === undefined || error.crealm === realm) throw told;
      return error.crealm;
    default:
      throw told;
  }
}

interface SentAsReq {
  readonly message: Uint8Array;
  readonly service: PrincipalName;
  readonly nonce: number;
  readonly till: Seconds;
}

const NO_BYTES = new Uint8Array(0);

function makeAsReq({ context, request, source, preauth, offset }: Login): SentAsReq {
  const { client, lifetime, renewable } = request;
  const clock = shifted(context.clock, offset);
  const now = nowSeconds(clock);
  const nonce = newNonce(context.crypto);
  const service = request.service ?? krbtgt(client.realm);
  // "19700101000000Z" asks for the longest life that the KDC allows (section 5.4.1), whatever our clock says.
  const till = lifetime === undefined ? 0 : now + lifetime;
  let kdcOptions = 0;
  if (request.forwardable === true) kdcOptions |= KdcOption.FORWARDABLE;
  if (request.canonicalize === true) kdcOptions |= KdcOption.CANONICALIZE;
  if (renewable !== undefined) kdcOptions |= KdcOption.RENEWABLE;
  const padata: PaData[] = [];
  if (preauth !== undefined) {
    padata.push(encTimestamp(context.crypto, clock, preauth.key));
    if (preauth.demand.cookie !== undefined) padata.push(preauth.demand.cookie);
  }
  padata.push({ padataType: PaType.REQ_ENC_PA_REP, padataValue: NO_BYTES });
  if (request.pac !== undefined) {
    const padataValue = encode(PaPacRequest, { includePac: request.pac });
    padata.push({ padataType: PaType.PAC_REQUEST, padataValue });
  }
  const message = encode(AsReq, {
    pvno: 5,
    msgType: 10,
    padata,
    reqBody: {
      kdcOptions: kdcOptions >>> 0,
      cname: client.name,
      realm: client.realm,
      sname: service,
      till,
      rtime: renewable === undefined ? undefined : now + renewable,
      nonce,
      etype: source.etypes,
    },
  });
  return { message, service, nonce, till };
}

async function accept(login: Login, sent: SentAsReq, reply: KdcRep): Promise<Credential> {
  const { context, request, source } = login;
  const { client } = request;
  const { crypto } = context;
  const { etypes, clockSkew } = settingsOf(context);
  const key = await replyKey(login, reply);
  const part = openReply(crypto, key, KeyUsage.AS_REP_ENC_PART, EncAsRepPart, reply.encPart.cipher);
  if (part === undefined) return fail(login.preauth === undefined ? 'wrong-key' : 'reply-integrity');
  checkEncPaRep(context, key, part, sent.message);
  // The time in the reply is authenticated, and it is the time at which the KDC has made it: here the clock is really learnt.
  const ahead = part.authtime - nowSeconds(shifted(context.clock, login.offset));
  const clockOffset = Math.abs(ahead) <= clockSkew ? login.offset : login.offset + ahead * 1_000_000;
  const credential = {
    ...checkReply(reply, part, {
      nonce: sent.nonce,
      client,
      renames: request.canonicalize === true,
      realm: client.realm,
      serves: ({ name }) => sameName(sent.service, name),
      etypes: source.etypes.filter((etype) => etypes.includes(etype)),
      till: sent.till,
      now: nowSeconds(shifted(context.clock, clockOffset)),
      clockSkew,
    }),
    clockOffset,
  };
  context.observe?.({ kind: 'ticket', exchange: 'AS', realm: client.realm, credential });
  return credential;
}

/** The key for the reply: the one that preauthentication has used, or one of another etype, made as the KDC says. */
async function replyKey({ source, preauth, context, request }: Login, reply: KdcRep): Promise<Key> {
  const { etype } = reply.encPart;
  if (!source.has(etype)) {
    if (!settingsOf(context).etypes.includes(etype))
      fail('etype-refused', `The reply has the encryption type ${etype}.`);
    fail('no-key', `The reply to ${showPrincipal(request.client)} wants one of encryption type ${etype}.`);
  }
  if (preauth !== undefined && preauth.key.etype === etype) return preauth.key;
  const infos: readonly KeyInfo[] = [...(keyInfos(reply.padata) ?? []), ...(preauth?.demand.infos ?? [])];
  return source.key(infos.find((info) => info.etype === etype) ?? { etype });
}

/**
 * RFC 6806 section 11: where the flag enc-pa-rep is set, the reply must hold a checksum of the request as the KDC has received it, and the
 * client verifies it. The flag is inside the encryption, so nobody can take both away.
 */
function checkEncPaRep(context: ClientContext, key: Key, part: EncKdcRepPart, request: Uint8Array): void {
  if ((part.flags & TicketFlag.ENC_PA_REP) === 0) return;
  const value = part.encryptedPaData?.find(({ padataType }) => padataType === PaType.REQ_ENC_PA_REP);
  if (value === undefined) return fail('request-changed', 'Its reply lacks the checksum of the request.');
  const { cksumtype, checksum } = readOr(() => decode(Checksum, value.padataValue));
  if (!context.crypto.verifyChecksum(key, KeyUsage.AS_REQ_CHECKSUM, cksumtype, request, checksum))
    fail('request-changed');
}
