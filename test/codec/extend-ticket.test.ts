import t from 'tap';
import { encode } from '../../src/codec/der/type.ts';
import { withAuthorizationData } from '../../src/codec/krb5/extend-ticket.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';

const PART = {
  flags: 0x4081_0000,
  key: { keytype: 18, keyvalue: new Uint8Array(32).fill(7) },
  crealm: 'REALM1.EXAMPLE',
  cname: { nameType: 1, nameString: ['alice'] },
  transited: { trType: 0, contents: new Uint8Array() },
  authtime: 1_800_000_000,
  starttime: 1_800_000_001,
  endtime: 1_800_036_000,
  renewTill: 1_800_600_000,
  caddr: [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 1) }],
};
const BARE = encode(EncTicketPart, { ...PART, authorizationData: undefined }).slice();

await t.test(
  'Authorization data added to an encoded ticket make the bytes that encoding them with it makes',
  async (t) => {
    // Around the lengths where DER's length octets become more.
    for (const length of [0, 1, 80, 100, 127, 128, 255, 256, 1000, 40_000, 65_400, 65_536]) {
      const authorizationData = [
        { adType: 1, adData: new Uint8Array(length).fill(3) },
        { adType: 128, adData: Uint8Array.of(1, 2, 3) },
      ];
      const expected = encode(EncTicketPart, { ...PART, authorizationData }).slice();
      t.strictSame(withAuthorizationData(BARE, authorizationData), expected, `${length} bytes`);
    }
  },
);

await t.test('What cannot be encoded leaves nothing behind', async (t) => {
  const good = [{ adType: 1, adData: Uint8Array.of(9) }];
  const before = withAuthorizationData(BARE, good).slice();
  t.throws(
    () => withAuthorizationData(BARE, [...good, { adType: 2 ** 40, adData: Uint8Array.of(1) }]),
    RangeError,
  );
  t.throws(() => withAuthorizationData(Uint8Array.of(1, 2, 3), good), { name: 'DerError' });
  t.strictSame(withAuthorizationData(BARE, good), before);
});
