import t from 'tap';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/der/type.ts';
import {
  ChangePasswdData,
  decodeChangePasswdData,
  decodeKpasswdOutcome,
  decodeKpasswdReply,
  decodeKpasswdRequest,
  encodeKpasswdOutcome,
  encodeKpasswdReply,
  encodeKpasswdRequest,
  readAdPolicy,
} from '../../src/codec/kpasswd.ts';
import { capture } from './messages.ts';

const REFUSED = { code: 'bad-kpasswd', hint: String };
/** What begins with the identifier octets of AP-REQ, AP-REP, KRB-PRIV and KRB-ERROR. */
const [apReq, apRep, krbPriv, krbError] = ['6e0101', '6f020102', '7503010203', '7e0105'].map(fromHex) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

await t.test('a request has the layout of RFC 3244 section 2', async (t) => {
  const bytes = encodeKpasswdRequest({ version: 0xff80, apReq, krbPriv });
  t.equal(toHex(bytes), '000e ff80 0003 6e0101 7503010203'.replaceAll(' ', ''));
  t.strictSame(decodeKpasswdRequest(bytes), { version: 0xff80, apReq, krbPriv });
  t.equal(decodeKpasswdRequest(fromHex('000e 0001 0003 6e0101 7503010203')).version, 1);
  t.equal(decodeKpasswdRequest(fromHex('000e 1234 0003 6e0101 7503010203')).version, 0x1234);
  const whole = concat(fromHex('ffff'), bytes);
  t.strictSame(decodeKpasswdRequest(whole.subarray(2)).apReq, apReq, 'from the middle of a buffer');
  t.throws(
    () => encodeKpasswdRequest({ version: 1, apReq, krbPriv: new Uint8Array(65_536) }),
    RangeError,
    'longer than its length can say',
  );
});

await t.test('MIT’s and Heimdal’s requests and replies are read, and written byte for byte', async (t) => {
  for (const name of ['mit-change', 'mit-set', 'heimdal-change']) {
    const bytes = capture(`../kpasswd/${name}-request`);
    t.equal(toHex(encodeKpasswdRequest(decodeKpasswdRequest(bytes))), toHex(bytes), name);
  }
  for (const name of ['mit-success', 'mit-error']) {
    const bytes = capture(`../kpasswd/${name}-reply`);
    t.equal(toHex(encodeKpasswdReply(decodeKpasswdReply(bytes))), toHex(bytes), name);
  }
});

await t.test('refuses lengths that do not fit, and what is no request', async (t) => {
  const good = encodeKpasswdRequest({ version: 1, apReq, krbPriv });
  for (let length = 0; length < good.length; length++)
    t.throws(() => decodeKpasswdRequest(good.subarray(0, length)), REFUSED, `cut to ${length}`);
  t.throws(() => decodeKpasswdRequest(concat(good, fromHex('00'))), REFUSED, 'a byte too many');
  t.throws(
    () => decodeKpasswdRequest(fromHex('000e 0001 0009 6e0101 7503010203')),
    REFUSED,
    'beyond the end',
  );
  t.throws(() => decodeKpasswdRequest(fromHex('000e 0001 0008 6e0101 7503010203')), REFUSED, 'no KRB-PRIV');
  t.throws(() => decodeKpasswdRequest(fromHex('000b 0001 0000 7503010203')), REFUSED, 'no AP-REQ');
  t.throws(() => decodeKpasswdRequest(fromHex('0009 0001 0000 7e0105')), REFUSED, 'a KRB-ERROR');
  for (const bytes of [capture('mit-kinit-as-req'), capture('mit-kvno-tgs-req')]) {
    t.throws(() => decodeKpasswdRequest(bytes), REFUSED);
  }
});

await t.test('CVE-2002-2443: no reply is taken for a request', async (t) => {
  for (const reply of [encodeKpasswdReply({ apRep, krbPriv }), encodeKpasswdReply({ krbError }), krbError]) {
    t.throws(() => decodeKpasswdRequest(reply), REFUSED);
  }
});

await t.test('a reply is signed, or an error with or without a frame', async (t) => {
  const signed = encodeKpasswdReply({ apRep, krbPriv });
  t.equal(toHex(signed), '000f 0001 0004 6f020102 7503010203'.replaceAll(' ', ''));
  t.strictSame(decodeKpasswdReply(signed), { apRep, krbPriv });
  t.strictSame(decodeKpasswdReply(fromHex('000f ff80 0004 6f020102 7503010203')), { apRep, krbPriv });
  const framed = encodeKpasswdReply({ krbError });
  t.equal(toHex(framed), '0009 0001 0000 7e0105'.replaceAll(' ', ''));
  t.strictSame(decodeKpasswdReply(framed), { krbError });
  t.strictSame(decodeKpasswdReply(krbError), { krbError }, 'as AD sends it');
  for (let length = 0; length < signed.length; length++)
    t.throws(() => decodeKpasswdReply(signed.subarray(0, length)), REFUSED, `cut to ${length}`);
  t.throws(() => decodeKpasswdReply(encodeKpasswdRequest({ version: 1, apReq, krbPriv })), REFUSED);
  t.throws(() => decodeKpasswdReply(fromHex('000d 0001 0004 6f020102 7e0105')), REFUSED, 'neither nor');
});

await t.test('an outcome is a number and a text', async (t) => {
  const bytes = encodeKpasswdOutcome({ result: 4, text: utf8('Zu kurz für uns') });
  t.equal(toHex(bytes.subarray(0, 4)), '00045a75');
  t.strictSame(decodeKpasswdOutcome(bytes), { result: 4, text: utf8('Zu kurz für uns') });
  t.strictSame(decodeKpasswdOutcome(fromHex('0000')), { result: 0, text: new Uint8Array(0) });
  t.throws(() => decodeKpasswdOutcome(fromHex('00')), REFUSED);
});

await t.test('ChangePasswdData: later fields are ignored, everything else is strict', async (t) => {
  const data = {
    newpasswd: utf8('secret'),
    targname: { nameType: 1, nameString: ['bob'] },
    targrealm: 'REALM1.EXAMPLE',
  };
  const bytes = encode(ChangePasswdData, data).slice();
  t.strictSame(decodeChangePasswdData(bytes), data);
  const alone = encode(ChangePasswdData, { newpasswd: utf8('x') }).slice();
  t.strictSame(decodeChangePasswdData(alone), {
    newpasswd: utf8('x'),
    targname: undefined,
    targrealm: undefined,
  });
  const withMore = (...more: string[]) => {
    const inner = concat(bytes.subarray(2), ...more.map(fromHex));
    return concat(Uint8Array.of(0x30, inner.length), inner);
  };
  t.strictSame(decodeChangePasswdData(withMore('a303020101')), data);
  t.strictSame(decodeChangePasswdData(withMore('a303020101', 'a4020500', 'a5043002 0500')), data);
  for (const more of ['a300', 'a3020501', 'a30302010100', 'a503020101a303020101', '0500', 'a00304010a', '00'])
    t.throws(() => decodeChangePasswdData(withMore(more)), { code: 'bad-der' }, more);
  t.throws(() => decodeChangePasswdData(utf8('secret')), { code: 'bad-der' });
  t.throws(() => decodeChangePasswdData(new Uint8Array(0)), { code: 'bad-der' });
  const long = encode(ChangePasswdData, { newpasswd: new Uint8Array(4096) }).slice();
  t.equal(decodeChangePasswdData(long).newpasswd.length, 4096);
  t.throws(() => encode(ChangePasswdData, { newpasswd: new Uint8Array(4097) }), RangeError);
});

await t.test('AD’s password policy is told in sentences', async (t) => {
  const DAY = 86_400n * 10_000_000n;
  const policy = (length: number, history: number, properties: number, minAge: bigint) => {
    const bytes = new Uint8Array(30);
    const view = new DataView(bytes.buffer);
    view.setUint32(2, length);
    view.setUint32(6, history);
    view.setUint32(10, properties);
    view.setBigUint64(14, 42n * DAY);
    view.setBigUint64(22, minAge);
    return bytes;
  };
  t.equal(
    readAdPolicy(policy(7, 24, 1, DAY)),
    'The domain wants at least 7 characters; three of these: small letters, capital letters, digits, other characters; and no part of the name; another password than the last 24. A password can be changed once in 1 day.',
  );
  t.equal(
    readAdPolicy(policy(1, 1, 0x20, 0n)),
    'The domain wants at least 1 character; another password than the last one. Users may not change their passwords themselves.',
  );
  t.equal(readAdPolicy(policy(0, 0, 0, 1n)), 'A password can be changed once in 1 day.', 'rounded up');
  t.match(readAdPolicy(policy(0, 0, 0, 0n)), /states no rule/);
  t.match(readAdPolicy(policy(0xffff_ffff, 0, 0, 0xffff_ffff_ffff_ffffn)), /4294967295 characters/);
  t.equal(readAdPolicy(utf8('a text of thirty bytes exactly')), undefined);
  t.equal(readAdPolicy(new Uint8Array(29)), undefined);
});
