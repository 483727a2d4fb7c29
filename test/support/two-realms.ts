/** Our realm and one that it trusts, both in memory, and a client between them whose every message a test can change. */
import { createTrust, rotateTrust } from '../../src/accounts/trusts.ts';
import type { ClientContext, ClientEvent, SenderEvent } from '../../src/client/index.ts';
import { ClientError } from '../../src/client/index.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { TgsRep } from '../../src/codec/krb5/kdc.ts';
import type { Ticket } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { TrustRepository } from '../../src/realm/ports.ts';
import type { Trust } from '../../src/realm/trust.ts';
import {
  checkedTrust,
  type TrustRecord,
  trustOf,
  type TrustStatement,
} from '../../src/realm/trust-settings.ts';
import { AD_REALM, AD_SID } from './foreign-tickets.ts';
import { MemoryRealm, REALM, REALM_SID, trustCrypto } from './memory-realm.ts';
import { ORIGIN } from './requests.ts';

const SECRET = 'Shared.Trust.Secret-1';
export const PASSWORD = 'Correct.Horse1';

export interface TwoRealmsOptions {
  /** Of the trust as we state it. */
  readonly trust?: Partial<TrustStatement>;
  /** What the other realm calls itself. */
  readonly theirName?: string;
  /** What it calls us. */
  readonly ourName?: string;
}

export class TwoRealms {
  readonly ours = new MemoryRealm();
  readonly theirs: MemoryRealm;
  /** The trust as our store holds it. */
  trust: TrustRecord;
  /** Changes the answers of a KDC: the bytes, or the ticket of a TGS reply. */
  answer: (bytes: Uint8Array, realm: string) => Uint8Array = (bytes) => bytes;
  readonly #asked: string[] = [];

  private constructor(theirs: MemoryRealm, trust: TrustRecord) {
    this.theirs = theirs;
    this.trust = trust;
  }

  /** Both realms, with alice (Administrator there), carol (Viewer there) and mallory; each right is the group of its RID. */
  static async create({
    trust = {},
    theirName = AD_REALM,
    ourName = REALM,
  }: TwoRealmsOptions = {}): Promise<TwoRealms> {
    const theirs = new MemoryRealm({}, { realm: theirName, sid: AD_SID });
    await theirs.addUser('alice', PASSWORD, { right: 'Administrator' });
    await theirs.addUser('carol', PASSWORD, { right: 'Viewer' });
    await theirs.addUser('mallory', PASSWORD);
    const statement: TrustStatement = {
      realm: AD_REALM,
      domainSids: [AD_SID],
      netbios: 'AD',
      direction: 'both',
      rights: [
        { rid: 1001, right: 'Administrator' },
        { rid: 1002, right: 'Viewer' },
      ],
      ...trust,
    };
    const settings = checkedTrust(statement, { realm: REALM, sid: REALM_SID });
    const record = await createTrust(keeper(theirs), settings, SECRET);
    const realms = new TwoRealms(theirs, record);
    realms.useTrust(record);
    realms.trustThere({ realm: ourName });
    return realms;
  }

  /** What our KDC and our store know of the trust. */
  useTrust(record: TrustRecord): void {
    this.trust = record;
    this.ours.trusts.set(record.realm, trustOf(record));
  }

  /** Gives our side another secret; the one before it stays. */
  async rotate(secret: string): Promise<void> {
    const { trust } = this;
    const trusts = {
      find: async () => trust,
      change: async (_: string, change: (current: TrustRecord) => object) => ({ ...trust, ...change(trust) }),
    };
    const accounts = { ...keeper(this.theirs), trusts: trusts as unknown as TrustRepository };
    this.useTrust(await rotateTrust(accounts, trust.realm, secret));
  }

  /** The trust as the other realm has it: the same keys, for tickets of the other direction. */
  trustThere(fields: Partial<Trust> = {}): void {
    const { inboundKeys, outboundKeys } = trustOf(this.trust);
    this.theirs.trusts.clear();
    const there: Trust = {
      realm: REALM,
      netbios: undefined,
      kind: 'realmward',
      domainSids: [REALM_SID],
      direction: 'both',
      transits: [],
      transitive: false,
      domains: [],
      mode: 'groups',
      reportOnly: false,
      rights: [],
      attempts: { maxFailures: 3, window: 1800 },
      inboundKeys: outboundKeys,
      outboundKeys: inboundKeys,
      ...fields,
    };
    this.theirs.trusts.set(there.realm, there);
  }

  /** A client that knows both realms, the other one under the name that the trust has. */
  client(observe?: (event: ClientEvent | SenderEvent) => void): ClientContext {
    return {
      crypto: nodeCrypto,
      clock: this.ours.clock,
      // The users' keys are made with few iterations, so that tests are quick.
      settings: { minIterations: 1 },
      send: async (realm, message) => {
        this.#asked.push(realm);
        const kdc = realm === this.trust.realm ? this.theirs : realm === REALM ? this.ours : undefined;
        const reply = await kdc?.kdc(message, ORIGIN);
        if (reply === undefined) throw new ClientError('no-servers');
        return this.answer(reply, realm);
      },
      ...(observe === undefined ? {} : { observe }),
    };
  }

  /** Puts `ticket` into the place of the one in each TGS reply. */
  forge(ticket: Ticket): void {
    this.answer = (bytes) =>
      bytes[0] === TGS_REP ? encode(TgsRep, { ...decode(TgsRep, bytes), ticket }) : bytes;
  }

  /** Realms whose KDCs were asked, in order. */
  get asked(): readonly string[] {
    return this.#asked;
  }
}

const TGS_REP = 0x6d;

function keeper({ clock }: MemoryRealm) {
  const trusts = { add: async () => {} } as unknown as TrustRepository;
  return { realm: REALM, trusts, trustCrypto, clock };
}
