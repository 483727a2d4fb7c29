/**
 * Realms that trust each other, played by one object: KDCs whose every answer a test can change, at each layer, before it is sealed.
 */
import { Key } from '../../src/base/key.ts';
import type { ClientContext, ClientEvent } from '../../src/client/context.ts';
import { decode, encode, type Infer } from '../../src/codec/der/type.ts';
import { ApReq, Authenticator } from '../../src/codec/krb5/ap.ts';
import {
  Checksum,
  EncryptedData,
  MethodData,
  type PaData,
  type PrincipalName,
} from '../../src/codec/krb5/basic.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import {
  AsRep,
  AsReq,
  EncAsRepPart,
  type EncKdcRepPart,
  EncTgsRepPart,
  type KdcRep,
  type KdcReq,
  TgsRep,
  TgsReq,
} from '../../src/codec/krb5/kdc.ts';
import { EtypeInfo2, type EtypeInfo2Entry, PaEncTsEnc } from '../../src/codec/krb5/padata.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { checksumTypeOf } from '../../src/crypto/etypes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { FakeClock } from '../support/memory-realm.ts';

/** What a test may change about answers; each is called for every answer of its kind, and gives what is sent instead. */
export interface Script {
  /** An error in the place of whatever there would be. */
  error?: (request: KdcReq, realm: string) => Partial<KrbError> | undefined;
  /** What PREAUTH_REQUIRED demands. */
  demand?: (padata: PaData[]) => PaData[];
  etypeInfo?: (entries: EtypeInfo2Entry[]) => EtypeInfo2Entry[];
  part?: (part: EncKdcRepPart, request: KdcReq) => EncKdcRepPart;
  reply?: (reply: KdcRep) => KdcRep;
  /** The service that a ticket is issued for in the place of the one asked for. */
  instead?: (sname: PrincipalName, realm: string) => PrincipalName | undefined;
  bytes?: (bytes: Uint8Array, realm: string) => Uint8Array;
}

const ITERATIONS = Uint8Array.of(0, 0, 0x10, 0);
export const PASSWORD = 'Correct.Horse1';

export class ScriptedRealms {
  /** The KDCs' clock; the client's is `clientClock`. */
  readonly clock = new FakeClock();
  readonly clientClock = new FakeClock();
  script: Script = {};
  /** What was asked, as `AS krbtgt/A@A`. */
  readonly asked: string[] = [];
  readonly requests: KdcReq[] = [];
  readonly events: ClientEvent[] = [];
  readonly context: ClientContext;
  /** The reply's etype for everybody. */
  etype = 18;
  preauth = true;
  readonly #keys = new Map<string, Key>();

  constructor(settings: ClientContext['settings'] = {}) {
    this.context = {
      crypto: nodeCrypto,
      clock: this.clientClock,
      send: (realm, message) => this.answer(realm, message),
      settings,
      observe: (event) => this.events.push(event),
    };
  }

  /** The key of a service, by its name and realm. */
  key(name: PrincipalName, realm: string): Key {
    const text = `${name.nameString.join('/')}@${realm}`;
    const known = this.#keys.get(text) ?? nodeCrypto.randomKey(18);
    this.#keys.set(text, known);
    return known;
  }

  /** The key of whoever has this salt. */
  async passwordKey(salt: string): Promise<Key> {
    const text = `${this.etype} ${salt}`;
    const known =
      this.#keys.get(text) ?? (await nodeCrypto.stringToKey(this.etype, PASSWORD, salt, ITERATIONS));
    this.#keys.set(text, known);
    return known;
  }

  async answer(realm: string, message: Uint8Array): Promise<Uint8Array> {
    const as = message[0] === 0x6a;
    const request = decode(as ? AsReq : TgsReq, message);
    this.requests.push(request);
    const body = request.reqBody;
    this.asked.push(`${as ? 'AS' : 'TGS'} ${body.sname?.nameString.join('/')}@${realm}`);
    const error = this.script.error?.(request, realm);
    const bytes =
      error !== undefined
        ? this.#error(realm, request, error)
        : as
          ? await this.#as(realm, request, message)
          : this.#tgs(realm, request);
    return this.script.bytes?.(bytes, realm) ?? bytes;
  }

  #error(realm: string, request: KdcReq, fields: Partial<KrbError>): Uint8Array {
    return encode(KrbError, {
      pvno: 5,
      msgType: 30,
      stime: this.clock.seconds,
      susec: 0,
      errorCode: 60,
      realm,
      sname: request.reqBody.sname as PrincipalName,
      ...fields,
    });
  }

  async #as(realm: string, request: KdcReq, message: Uint8Array): Promise<Uint8Array> {
    const body = request.reqBody;
    const cname = body.cname as PrincipalName;
    const salt = realm + cname.nameString.join('');
    const { etype } = this;
    const key = await this.passwordKey(salt);
    const infos: EtypeInfo2Entry[] = [{ etype, salt, s2kparams: ITERATIONS }];
    const info = {
      padataType: 19,
      padataValue: encode(EtypeInfo2, this.script.etypeInfo?.(infos) ?? infos),
    };
    if (this.preauth) {
      const timestamp = request.padata?.find(({ padataType }) => padataType === 2)?.padataValue;
      if (timestamp === undefined) {
        const padata = [info, { padataType: 2, padataValue: new Uint8Array(0) }];
        const eData = encode(MethodData, this.script.demand?.(padata) ?? padata);
        return this.#error(realm, request, { errorCode: 25, eData });
      }
      try {
        const plain = nodeCrypto.decrypt(key, 1, decode(EncryptedData, timestamp).cipher);
        const off = decode(PaEncTsEnc, plain).patimestamp - this.clock.seconds;
        if (Math.abs(off) > 300) return this.#error(realm, request, { errorCode: 37 });
      } catch {
        return this.#error(realm, request, { errorCode: 24 });
      }
    }
    const encPaRep = request.padata?.some(({ padataType }) => padataType === 149) === true;
    const checksum = encode(Checksum, {
      cksumtype: checksumTypeOf(etype),
      checksum: nodeCrypto.checksum(key, 56, message),
    });
    return this.#reply(realm, request, {
      as: true,
      client: { cname, crealm: realm },
      replyKey: key,
      usage: 3,
      flags: TicketFlag.INITIAL | TicketFlag.PRE_AUTHENT | (encPaRep ? TicketFlag.ENC_PA_REP : 0),
      encryptedPaData: encPaRep ? [{ padataType: 149, padataValue: checksum }] : undefined,
      padata: [info],
    });
  }

  #tgs(realm: string, request: KdcReq): Uint8Array {
    const value = request.padata?.find(({ padataType }) => padataType === 1)?.padataValue;
    const apReq = decode(ApReq, value as Uint8Array);
    const { ticket } = apReq;
    const part = decode(
      EncTicketPart,
      nodeCrypto.decrypt(this.key(ticket.sname, ticket.realm), 2, ticket.encPart.cipher),
    );
    const session = new Key(part.key.keytype, part.key.keyvalue);
    const authenticator = decode(Authenticator, nodeCrypto.decrypt(session, 7, apReq.authenticator.cipher));
    const { cksum, subkey } = authenticator;
    const raw = request.reqBody.raw as Uint8Array;
    if (cksum === undefined || !nodeCrypto.verifyChecksum(session, 6, cksum.cksumtype, raw, cksum.checksum))
      return this.#error(realm, request, { errorCode: 41 });
    if (Math.abs(authenticator.ctime - this.clock.seconds) > 300)
      return this.#error(realm, request, { errorCode: 37 });
    return this.#reply(realm, request, {
      as: false,
      client: part,
      replyKey: subkey === undefined ? session : new Key(subkey.keytype, subkey.keyvalue),
      usage: subkey === undefined ? 8 : 9,
      flags: part.flags & ~TicketFlag.INITIAL,
      endtime: part.endtime,
    });
  }

  #reply(
    realm: string,
    request: KdcReq,
    answer: {
      as: boolean;
      client: { cname: PrincipalName; crealm: string };
      replyKey: Key;
      usage: number;
      flags: number;
      endtime?: number;
      encryptedPaData?: PaData[] | undefined;
      padata?: PaData[];
    },
  ): Uint8Array {
    const body = request.reqBody;
    const wanted = body.sname as PrincipalName;
    const sname = this.script.instead?.(wanted, realm) ?? wanted;
    const session = nodeCrypto.randomKey(18);
    const now = this.clock.seconds;
    const key = { keytype: 18, keyvalue: session.bytes };
    const { cname, crealm } = answer.client;
    const renewable = (body.kdcOptions & TicketFlag.RENEWABLE) !== 0;
    const inside = {
      key,
      flags: (answer.flags | (renewable ? TicketFlag.RENEWABLE : 0)) >>> 0,
      authtime: now,
      starttime: now,
      endtime: Math.min(body.till === 0 ? Infinity : body.till, answer.endtime ?? Infinity, now + 36_000),
      renewTill: renewable ? body.rtime : undefined,
    };
    const ticketPart: EncTicketPart = {
      ...inside,
      crealm,
      cname,
      transited: { trType: 1, contents: new Uint8Array(0) },
    };
    const ticket = {
      tktVno: 5,
      realm,
      sname,
      encPart: {
        etype: 18,
        kvno: 1,
        cipher: nodeCrypto.encrypt(this.key(sname, realm), 2, encode(EncTicketPart, ticketPart)),
      },
    };
    const plain: EncKdcRepPart = {
      ...inside,
      lastReq: [{ lrType: 0, lrValue: now }],
      nonce: body.nonce,
      srealm: realm,
      sname,
      encryptedPaData: answer.encryptedPaData,
    };
    const part = this.script.part?.(plain, request) ?? plain;
    const sealed: Infer<typeof AsRep> = {
      pvno: 5,
      msgType: answer.as ? 11 : 13,
      padata: answer.padata,
      crealm,
      cname,
      ticket,
      encPart: {
        etype: answer.replyKey.etype,
        cipher: nodeCrypto.encrypt(
          answer.replyKey,
          answer.usage,
          encode(answer.as ? EncAsRepPart : EncTgsRepPart, part),
        ),
      },
    };
    return encode(answer.as ? AsRep : TgsRep, this.script.reply?.(sealed) ?? sealed);
  }
}
