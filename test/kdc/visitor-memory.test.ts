import t from 'tap';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { decode } from '../../src/codec/der/type.ts';
import { AdIfRelevant } from '../../src/codec/krb5/authorization-data.ts';
import type { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import type { ForeignUser } from '../../src/kdc/foreign-user.ts';
import { VisitorMemory } from '../../src/kdc/visitor-memory.ts';
import type { LogonInfo } from '../../src/pac/logon-info.ts';
import { type VerifiedPac, verifyForeignPac } from '../../src/pac/verify.ts';
import { adTrust, foreignTicket, type ForeignTicketFields } from '../support/foreign-tickets.ts';
import { MemoryRealm } from '../support/memory-realm.ts';
import { name, openedPart } from '../support/requests.ts';

const realm = new MemoryRealm();
const trust = adTrust();
const { key } = trust.inboundKeys[0] as { key: (typeof trust.inboundKeys)[number]['key'] };
const user = { trust } as ForeignUser;

/** The inside of a ticket of AD, with its PAC. */
function visit(fields: ForeignTicketFields = {}): readonly [EncTicketPart, VerifiedPac] {
  const part = openedPart(foreignTicket(realm, trust, fields), key);
  const [inner] = decode(AdIfRelevant, part.authorizationData?.[0]?.adData as Uint8Array);
  const pac = verifyForeignPac(nodeCrypto, inner?.adData as Uint8Array, key);
  if (typeof pac === 'string') throw new Error(pac);
  return [part, pac];
}

const later = (): number => realm.clock.seconds + 60;
const logonInfo = (change: Partial<LogonInfo>): ForeignTicketFields => ({
  groups: [1107],
  logonInfo: change,
});

await t.test('a user is known again at the next login, whatever times and counters say', (t) => {
  const memory = new VisitorMemory();
  memory.remember('AD', ...visit({ groups: [1107] }), user);
  t.equal(memory.find('AD', ...visit({ groups: [1107] }), trust), user);
  const again = {
    ...logonInfo({ logonTime: 5n, logonCount: 9, badPasswordCount: 1 }),
    part: { authtime: later() },
  };
  t.equal(memory.find('AD', ...visit(again), trust), user);
  t.end();
});

await t.test('and is another one as soon as anything else differs', (t) => {
  const memory = new VisitorMemory();
  memory.remember('AD', ...visit({ groups: [1107] }), user);
  const others: readonly [string, ForeignTicketFields][] = [
    ['a group more', { groups: [1107, 1108] }],
    ['another group', { groups: [1108] }],
    ['an account with other flags', logonInfo({ userAccountControl: 0x210 })],
    ['another password', logonInfo({ passwordLastSet: 1n })],
    ['another account', logonInfo({ userId: 500 })],
    ['another name', { user: 'carol', groups: [1107] }],
    ['a PAC of another name in its ticket', { groups: [1107], part: { cname: name('carol') } }],
    ['another type of name', { groups: [1107], part: { cname: { ...name('alice'), nameType: 10 } } }],
    ['another realm', { groups: [1107], part: { crealm: 'B.EXAMPLE' } }],
    ['other claims', { groups: [1107], netbios: 'ADEY' }],
  ];
  for (const [what, fields] of others) t.equal(memory.find('AD', ...visit(fields), trust), undefined, what);
  const [part, pac] = visit({ groups: [1107] });
  t.equal(
    memory.find('AD', { ...part, authtime: later() }, pac, trust),
    undefined,
    'the time of another login',
  );
  t.equal(memory.find('B', part, pac, trust), undefined, 'another issuer');
  t.equal(memory.find('AD', part, pac, { ...trust }), undefined, 'a trust that has changed');
  t.end();
});

await t.test('what is remembered is bounded by number and by bytes', (t) => {
  const many = Array.from({ length: 60 }, (_, i) => visit({ user: `user${i}`, groups: [1107] }));
  const remembered = (memory: VisitorMemory): number => {
    for (const one of many) memory.remember('AD', ...one, user);
    return many.filter((one) => memory.find('AD', ...one, trust) !== undefined).length;
  };
  t.equal(remembered(new VisitorMemory()), 60);
  t.ok(remembered(new VisitorMemory(10)) <= 20);
  const length = (many[0] as (typeof many)[number])[1].bytes.length;
  const left = remembered(new VisitorMemory(100, 3 * length + 100));
  t.ok(left >= 1 && left <= 3, `${left}`);
  t.end();
});
