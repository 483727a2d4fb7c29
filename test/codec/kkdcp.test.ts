import t from 'tap';
import { concat, fromHex, toHex } from '../../src/base/bytes.ts';
import {
  decodeKdcProxyMessage,
  encodeKdcProxyMessage,
  MAX_KDC_PROXY_MESSAGE,
} from '../../src/codec/kkdcp.ts';
import { capture } from './messages.ts';

const request = capture('mit-kinit-as-req');

/** Contents under a tag with a definite length, by hand. */
const tlv = (tag: number, ...contents: Uint8Array[]): Uint8Array => {
  const inner = concat(...contents);
  const { length } = inner;
  const octets =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.from([tag, ...octets]), inner);
};
const prefixed = (length: number, message: Uint8Array): Uint8Array =>
  concat(Uint8Array.from([length >>> 24, length >>> 16, length >>> 8, length]), message);
const realm = tlv(0xa1, tlv(0x1b, new TextEncoder().encode('REALM1.EXAMPLE')));

await t.test('writes and reads the layout of MS-KKDCP 2.2.2, with the length of TCP inside', async (t) => {
  const kerbMessage = tlv(0xa0, tlv(0x04, prefixed(request.length, request)));
  const whole = tlv(0x30, kerbMessage, realm);
  t.equal(toHex(encodeKdcProxyMessage({ message: request, realm: 'REALM1.EXAMPLE' })), toHex(whole));
  const read = decodeKdcProxyMessage(whole);
  t.equal(toHex(read.message), toHex(request));
  t.equal(read.realm, 'REALM1.EXAMPLE');

  const answer = tlv(0x30, kerbMessage);
  t.equal(toHex(encodeKdcProxyMessage({ message: request })), toHex(answer));
  t.equal(decodeKdcProxyMessage(answer).realm, undefined);
  const hinted = tlv(0x30, kerbMessage, realm, fromHex('a2 06 02 04 40000010'));
  t.equal(decodeKdcProxyMessage(hinted).dclocatorHint, 0x4000_0010);
  const copy = new Uint8Array(hinted.length + 3);
  copy.set(hinted, 3);
  t.equal(
    toHex(decodeKdcProxyMessage(copy.subarray(3)).message),
    toHex(request),
    'from the middle of a buffer',
  );
});

await t.test('refuses a message that is not as long as it says, or that is none', async (t) => {
  const wrong = (length: number, message: Uint8Array) =>
    tlv(0x30, tlv(0xa0, tlv(0x04, prefixed(length, message))), realm);
  const code = 'bad-kdc-proxy-message';
  for (const length of [0, request.length - 1, request.length + 1, 0x8000_0000 + request.length])
    t.throws(() => decodeKdcProxyMessage(wrong(length, request)), { code, hint: String }, `${length}`);
  t.throws(() => decodeKdcProxyMessage(wrong(0, new Uint8Array(0))), {
    code,
    message: /no Kerberos message/,
  });
  t.throws(() => decodeKdcProxyMessage(tlv(0x30, tlv(0xa0, tlv(0x04, fromHex('0000'))))), { code });
  t.throws(() => decodeKdcProxyMessage(request), { code: 'bad-der' }, 'a Kerberos message by itself');
  t.throws(() => decodeKdcProxyMessage(new Uint8Array(0)), { code: 'bad-der' });
  t.throws(() => decodeKdcProxyMessage(tlv(0x30, realm)), { code: 'bad-der' }, 'without kerb-message');
  const good = encodeKdcProxyMessage({ message: request, realm: 'R' }).slice();
  t.throws(() => decodeKdcProxyMessage(concat(good, fromHex('00'))), { code: 'bad-der' });
  for (let length = 0; length < good.length; length++)
    t.throws(() => decodeKdcProxyMessage(good.subarray(0, length)), { code: 'bad-der' });
});

await t.test('holds 128 KiB, and not a byte more in either direction', async (t) => {
  const around = 3 * 4 + 4;
  const message = new Uint8Array(MAX_KDC_PROXY_MESSAGE - around - 3).fill(0x6a);
  const full = encodeKdcProxyMessage({ message });
  t.equal(full.length, MAX_KDC_PROXY_MESSAGE);
  t.equal(decodeKdcProxyMessage(full).message.length, message.length);
  t.throws(() => encodeKdcProxyMessage({ message: new Uint8Array(message.length + 1) }), RangeError);
  t.throws(() => decodeKdcProxyMessage(new Uint8Array(MAX_KDC_PROXY_MESSAGE + 1)), {
    code: 'bad-kdc-proxy-message',
  });
});
