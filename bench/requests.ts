/** Requests of the kind that MIT's client sends, each unique, built before the clock runs; and what is read from their replies. */
import { Key } from '../src/base/key.ts';
import { decode, encode } from '../src/codec/der/type.ts';
import { ApReq, Authenticator } from '../src/codec/krb5/ap.ts';
import type { PrincipalName } from '../src/codec/krb5/basic.ts';
import { EncryptedData } from '../src/codec/krb5/basic.ts';
import { KrbError } from '../src/codec/krb5/error.ts';
import {
  AsRep,
  AsReq,
  EncAsRepPart,
  EncTgsRepPart,
  KdcReqBody,
  TgsRep,
  TgsReq,
} from '../src/codec/krb5/kdc.ts';
import { PaEncTsEnc } from '../src/codec/krb5/padata.ts';
import type { Ticket } from '../src/codec/krb5/ticket.ts';
import { checksumTypeOf } from '../src/crypto/etypes.ts';
import { nodeCrypto as crypto } from '../src/crypto/node.ts';
import { KdcOption } from '../src/spec/flags.ts';
import { KeyUsage } from '../src/spec/key-usages.ts';
import { NameType } from '../src/spec/name-types.ts';
import { PaType } from '../src/spec/pa-types.ts';

/** Whoever asks: a client of the realm with its long-term key. */
export interface Client {
  readonly realm: string;
  readonly name: PrincipalName;
  readonly key: Key;
}

/** A request, and the key that opens the reply to it. */
export interface Prepared {
  readonly bytes: Uint8Array;
  readonly nonce: number;
  readonly replyKey: Key;
}

/** A TGT as its owner has it. */
export interface Tgt {
  readonly client: Client;
  readonly ticket: Ticket;
  readonly sessionKey: Key;
}

/** An AS-REQ for a TGT with an encrypted timestamp of now. */
export function asRequest(client: Client): Prepared {
  const { realm, name, key } = client;
  const [ctime, cusec] = uniqueTime();
  const nonce = nextNonce();
  const timestamp = encode(PaEncTsEnc, { patimestamp: ctime, pausec: cusec });
  const cipher = crypto.encrypt(key, KeyUsage.AS_REQ_PA_ENC_TIMESTAMP, timestamp);
  const bytes = encode(AsReq, {
    pvno: 5,
    msgType: 10,
    padata: [
      {
        padataType: PaType.ENC_TIMESTAMP,
        padataValue: encode(EncryptedData, { etype: key.etype, cipher }),
      },
      { padataType: PaType.REQ_ENC_PA_REP, padataValue: new Uint8Array() },
    ],
    reqBody: {
      kdcOptions: KdcOption.FORWARDABLE | KdcOption.RENEWABLE_OK,
      cname: name,
      realm,
      sname: { nameType: NameType.SRV_INST, nameString: ['krbtgt', realm] },
      till: ctime + TEN_HOURS,
      nonce,
      etype: ETYPES,
    },
  });
  return { bytes, nonce, replyKey: key };
}

/** A TGS-REQ for a ticket to `service`, with a subkey and a body checksum. */
export function tgsRequest({ client, ticket, sessionKey }: Tgt, service: PrincipalName): Prepared {
  const [ctime, cusec] = uniqueTime();
  const nonce = nextNonce();
  const subkey = crypto.randomKey(sessionKey.etype);
  const reqBody = {
    kdcOptions: KdcOption.FORWARDABLE | KdcOption.CANONICALIZE,
    realm: client.realm,
    sname: service,
    till: ctime + TEN_HOURS,
    nonce,
    etype: ETYPES,
  };
  const body = encode(KdcReqBody, reqBody);
  const authenticator = encode(Authenticator, {
    authenticatorVno: 5,
    crealm: client.realm,
    cname: client.name,
    cksum: {
      cksumtype: checksumTypeOf(sessionKey.etype),
      checksum: crypto.checksum(sessionKey, KeyUsage.TGS_REQ_AUTHENTICATOR_CHECKSUM, body),
    },
    cusec,
    ctime,
    subkey: { keytype: subkey.etype, keyvalue: subkey.bytes },
    seqNumber: nonce,
  });
  const apReq = encode(ApReq, {
    pvno: 5,
    msgType: 14,
    apOptions: 0,
    ticket,
    authenticator: {
      etype: sessionKey.etype,
      cipher: crypto.encrypt(sessionKey, KeyUsage.TGS_REQ_AUTHENTICATOR, authenticator),
    },
  });
  const bytes = encode(TgsReq, {
    pvno: 5,
    msgType: 12,
    padata: [{ padataType: PaType.TGS_REQ, padataValue: apReq }],
    reqBody,
  });
  return { bytes, nonce, replyKey: subkey };
}

/** The TGT in an AS-REP. Throws where the reply does not open with the client's key or answers another request. */
export function openAsReply(client: Client, request: Prepared, reply: Uint8Array): Tgt {
  const { ticket, encPart } = decode(AsRep, reply);
  const plain = crypto.decrypt(request.replyKey, KeyUsage.AS_REP_ENC_PART, encPart.cipher);
  const { key, nonce } = decode(EncAsRepPart, plain);
  if (nonce !== request.nonce) throw new Error('an AS-REP answers another request');
  return { client, ticket, sessionKey: new Key(key.keytype, key.keyvalue) };
}

/** The service ticket in a TGS-REP; throws as `openAsReply` does. */
export function openTgsReply(request: Prepared, reply: Uint8Array): Ticket {
  const { ticket, encPart } = decode(TgsRep, reply);
  const plain = crypto.decrypt(request.replyKey, KeyUsage.TGS_REP_ENC_PART_SUBKEY, encPart.cipher);
  if (decode(EncTgsRepPart, plain).nonce !== request.nonce)
    throw new Error('a TGS-REP answers another request');
  return ticket;
}

/** What a reply says that is neither: for reports. */
export function describeReply(reply: Uint8Array): string {
  try {
    const { errorCode, eText } = decode(KrbError, reply);
    return `KRB-ERROR ${errorCode} ${eText ?? ''}`.trim();
  } catch {
    return `${reply.length} bytes beginning with 0x${(reply[0] ?? 0).toString(16)}`;
  }
}

const TEN_HOURS = 36_000;
const ETYPES = [18, 17, 20, 19];

let nonces = Math.floor(Math.random() * 0x3fff_ffff);
let lastTime = 0;

function nextNonce(): number {
  nonces = (nonces + 1) & 0x7fff_ffff;
  return nonces;
}

/** Seconds and microseconds of now, later than ever before: no two authenticators are alike. */
function uniqueTime(): [number, number] {
  lastTime = Math.max(lastTime + 1, Date.now() * 1000);
  return [Math.floor(lastTime / 1_000_000), lastTime % 1_000_000];
}
