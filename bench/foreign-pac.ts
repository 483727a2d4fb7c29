/**
 * What a TGS request costs inside the KDC when its ticket came from a trusted Active Directory realm, beside one with a ticket of our own, in
 * turns. In this process, without network and log. Each login has its own times and counters, as in AD.
 */
import { adTrust, foreignTicket } from '../test/support/foreign-tickets.ts';
import { MemoryRealm } from '../test/support/memory-realm.ts';
import { type Credential, login, name, ORIGIN, tgsReq } from '../test/support/requests.ts';

/** Microseconds of CPU a request, medians of the rounds. */
export interface ForeignPacFigures {
  /** Tickets that the KDC meets for the first time, of users who came before. */
  readonly met: { readonly own: number; readonly foreign: number };
  /** Tickets that it remembers. */
  readonly remembered: { readonly own: number; readonly foreign: number };
  /** The very first ticket of a foreign user. */
  readonly first: number;
}

const COUNT = 1000;
const ROUNDS = 20;
const TGS_REP = 0x6d;
const SERVICE = 'host/device1.realm1.example';

export async function measureForeignPac(): Promise<ForeignPacFigures> {
  // The same etype on both sides: AD has no aes-sha2.
  const realm = new MemoryRealm({ etypes: [18] });
  await realm.addUser('alice', 'correct horse', { right: 'Administrator' });
  realm.add({ name: SERVICE });
  const trust = adTrust();
  realm.trusts.set(trust.realm, trust);

  const groups = [1107, 1108];
  const own = await login(realm, 'alice', { etype: 18 });
  const foreign = foreignTicket(realm, trust, { groups });
  let logins = 0;
  const changing = () => ({ logonTime: BigInt(++logins), logonCount: logins & 0xffff });
  const kinds = {
    ownMet: () => login(realm, 'alice', { etype: 18 }),
    foreignMet: () => foreignTicket(realm, trust, { groups, logonInfo: changing() }),
    foreignFirst: () => foreignTicket(realm, trust, { groups, user: `user${++logins}` }),
    ownRemembered: () => own,
    foreignRemembered: () => foreign,
  };
  type Kind = keyof typeof kinds;

  const request = (credential: Credential): Uint8Array =>
    tgsReq(realm.clock, credential, { body: { sname: name(SERVICE), etype: [18] } });
  const times: Partial<Record<Kind, number[]>> = {};
  for (let round = -1; round < ROUNDS; round++) {
    for (const [kind, ticket] of Object.entries(kinds) as [Kind, () => Credential | Promise<Credential>][]) {
      const requests: Uint8Array[] = [];
      for (let i = 0; i < COUNT; i++) requests.push(request(await ticket()));
      const before = process.cpuUsage();
      for (const one of requests) {
        const reply = realm.kdc(one, ORIGIN);
        if (!(reply instanceof Uint8Array) || reply[0] !== TGS_REP) throw new Error(`${kind}: no ticket`);
      }
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round >= 0) (times[kind] ??= []).push((user + system) / COUNT);
      realm.events.length = 0;
      realm.succeeded.length = 0;
    }
  }
  const median = (kind: Kind): number => {
    const sorted = (times[kind] ?? []).toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? Number.NaN;
  };
  return {
    met: { own: median('ownMet'), foreign: median('foreignMet') },
    remembered: { own: median('ownRemembered'), foreign: median('foreignRemembered') },
    first: median('foreignFirst'),
  };
}
