import t from 'tap';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { type OpenedTicket, TicketMemory } from '../../src/kdc/ticket-memory.ts';

const key = nodeCrypto.randomKey(20);

/** A ticket of that many bytes, which differ from any other's. */
function ticket(length: number): OpenedTicket {
  const cipher = crypto.getRandomValues(new Uint8Array(length));
  return {
    cipher,
    key,
    part: {} as EncTicketPart,
    sessionKey: key,
    sid: undefined,
    foreign: undefined,
    pacAttributes: 2,
  };
}

await t.test('a ticket is found by exactly its bytes, and the key that opened it', async (t) => {
  const memory = new TicketMemory();
  const known = ticket(900);
  memory.remember(known);
  t.equal(memory.find(known.cipher.slice(), key), known);
  t.equal(memory.find(known.cipher, nodeCrypto.randomKey(20)), undefined);
  for (const at of [0, 450]) {
    const changed = known.cipher.map((octet, i) => (i === at ? octet ^ 1 : octet));
    t.equal(memory.find(changed, key), undefined, 'the same end, and another beginning');
  }
});

await t.test('what is remembered is bounded by number and by bytes', async (t) => {
  const remembered = (memory: TicketMemory, many: readonly OpenedTicket[]): number => {
    for (const one of many) memory.remember(one);
    return many.filter(({ cipher }) => memory.find(cipher, key) !== undefined).length;
  };
  const small = Array.from({ length: 100 }, () => ticket(100));
  t.equal(remembered(new TicketMemory(100, 10_000), small), 100);
  t.ok(remembered(new TicketMemory(10, 10_000), small) <= 20);
  const large = Array.from({ length: 100 }, () => ticket(3000));
  const left = remembered(new TicketMemory(100, 10_000), large);
  t.ok(left >= 1 && left <= 3, `${left} large ones`);
});
