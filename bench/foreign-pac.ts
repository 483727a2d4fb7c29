/**
 * `node bench/foreign-pac.ts`: what a TGS request costs inside the KDC when its ticket came from a trusted Active Directory realm, beside one
 * with a ticket of our own, in turns. Prints medians of the rounds and their ratio: for tickets that the KDC meets for the first time, and for
 * tickets that it remembers; and what the very first ticket of a foreign user costs. Each login has its own times and counters, as in AD.
 */
import { adTrust, foreignTicket } from '../test/support/foreign-tickets.ts';
import { MemoryRealm } from '../test/support/memory-realm.ts';
import { type Credential, login, name, ORIGIN, tgsReq } from '../test/support/requests.ts';

const COUNT = 4000;
const ROUNDS = 7;
const TGS_REP = 0x6d;
const SERVICE = 'host/device1.realm1.example';

// The same etype on both sides: AD has no aes-sha2.
const realm = new MemoryRealm({ etypes: [18] });
await realm.addUser('alice', 'correct horse', { right: 'Administrator' });
realm.add({ name: SERVICE });
const trust = adTrust();
realm.trusts.set(trust.realm, trust);

const own = await login(realm, 'alice', { etype: 18 });
const foreign = foreignTicket(realm, trust, { groups: [1107, 1108] });
let logins = 0;
const changing = () => ({ logonTime: BigInt(++logins), logonCount: logins & 0xffff });
const kinds = {
  'own, new': () => login(realm, 'alice', { etype: 18 }),
  'foreign, new': () => foreignTicket(realm, trust, { groups: [1107, 1108], logonInfo: changing() }),
  'foreign, first': () => foreignTicket(realm, trust, { groups: [1107, 1108], user: `user${++logins}` }),
  'own, remembered': () => own,
  'foreign, remembered': () => foreign,
};

const times: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const [kind, ticket] of Object.entries(kinds)) {
    const requests: Uint8Array[] = [];
    for (let i = 0; i < COUNT; i++) requests.push(request(await ticket()));
    const before = process.cpuUsage();
    for (const one of requests) {
      const reply = realm.kdc(one, ORIGIN);
      if (!(reply instanceof Uint8Array) || reply[0] !== TGS_REP) throw new Error(`${kind}: no ticket`);
    }
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) (times[kind] ??= []).push((user + system) / COUNT);
    realm.events.length = 0;
    realm.succeeded.length = 0;
  }
}
for (const state of ['new', 'remembered']) {
  const [mine, theirs] = [median(`own, ${state}`), median(`foreign, ${state}`)];
  console.log(
    `tickets that are ${state}: own ${mine.toFixed(1)} us, foreign ${theirs.toFixed(1)} us, ratio ${(theirs / mine).toFixed(2)} (wanted: at most 1.5)`,
  );
}

console.log(`the first ticket of a foreign user: ${median('foreign, first').toFixed(1)} us`);

function request(credential: Credential): Uint8Array {
  return tgsReq(realm.clock, credential, { body: { sname: name(SERVICE), etype: [18] } });
}

function median(kind: string): number {
  const sorted = (times[kind] ?? []).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
