/** Tokens of SPNEGO and of Kerberos' GSS-API mechanism: captures, asn1js beside us, and what is refused. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { concat, equalBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { DerError } from '../../src/codec/der/error.ts';
import { objectIdentifier } from '../../src/codec/der/primitives.ts';
import { decode, encode, type Type } from '../../src/codec/der/type.ts';
import {
  decodeFrame,
  decodeGssChecksum,
  decodeKrbToken,
  decodeMic,
  encodeFrame,
  encodeGssChecksum,
  encodeKrbToken,
  encodeMicHeader,
  GssError,
  KrbTokenId,
} from '../../src/codec/gss.ts';
import { ApRep, ApReq } from '../../src/codec/krb5/ap.ts';
import * as spnego from '../../src/codec/spnego.ts';
import { MechOid } from '../../src/spec/mech-oids.ts';
import { build, difference, parse } from './asn1js.ts';
import { generator, randomValue } from './random.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/gss/${name}.bin`, import.meta.url)));

const TYPES: Readonly<Record<string, Type<unknown>>> = {
  MechTypeList: spnego.MechTypeList,
  NegTokenInit: spnego.NegTokenInit,
  NegTokenInit2: spnego.NegTokenInit2,
  NegTokenResp: spnego.NegTokenResp,
  NegotiationToken: spnego.NegotiationToken,
};

await t.test('what MIT and Java send is a NegTokenInit with an AP-REQ', async (t) => {
  for (const name of ['mit-curl-init', 'java-http-init']) {
    const { mech, inner } = decodeFrame(fixture(name));
    t.equal(mech, MechOid.SPNEGO);
    const { mechTypes, mechToken, mechListMic } = spnego.decodeNegTokenInit(inner);
    t.strictSame(mechTypes, [MechOid.KRB5]);
    t.equal(mechListMic, undefined);
    const krb5 = decodeFrame(mechToken as Uint8Array);
    t.equal(krb5.mech, MechOid.KRB5);
    const { id, message } = decodeKrbToken(krb5.inner);
    t.equal(id, KrbTokenId.AP_REQ);
    t.strictSame(decode(ApReq, message).ticket.sname.nameString, ['HTTP', 'device1.realm1.example']);
    t.equal(toHex(encodeFrame({ mech, inner })), toHex(fixture(name)));
    t.equal(
      toHex(encodeFrame({ mech: krb5.mech, inner: encodeKrbToken({ id, message }) })),
      toHex(mechToken as Uint8Array),
    );
  }
});

await t.test('reqFlags of seven bits are read, as Java sends them', async (t) => {
  const { reqFlags } = spnego.decodeNegTokenInit(decodeFrame(fixture('java-http-init')).inner);
  // mutual, replay detection, sequence, integrity, confidentiality
  t.equal(reqFlags, 0x7600_0000);
  for (const [bits, value] of [
    ['030100', 0],
    ['03020780', 0x8000_0000],
    ['030500deadbeef', 0xdead_beef],
  ] as const)
    t.equal(
      decode(
        spnego.NegTokenInit,
        fromHex(`30${hexLength(6 + bits.length / 2)}a0023000a1${hexLength(bits.length / 2)}${bits}`),
      ).reqFlags,
      value,
    );
  for (const bits of ['0300', '030107', '03020177', '030600deadbeef00', '03020876'])
    t.throws(
      () =>
        decode(
          spnego.NegTokenInit,
          fromHex(`30${hexLength(6 + bits.length / 2)}a0023000a1${hexLength(bits.length / 2)}${bits}`),
        ),
      DerError,
      bits,
    );
});

await t.test('what Apache answers is a NegTokenResp with an AP-REP', async (t) => {
  const { negState, supportedMech, responseToken } = spnego.decodeNegTokenResp(fixture('apache-resp'));
  t.equal(negState, spnego.NegState.ACCEPT_COMPLETED);
  t.equal(supportedMech, MechOid.KRB5);
  const { id, message } = decodeKrbToken(decodeFrame(responseToken as Uint8Array).inner);
  t.equal(id, KrbTokenId.AP_REP);
  t.equal(decode(ApRep, message).msgType, 15);
});

await t.test('hints of a NegTokenInit2 are tolerated, and NTLM is seen', async (t) => {
  const hinted = spnego.decodeNegTokenInit(decodeFrame(fixture('samba-init2')).inner);
  t.strictSame(hinted.mechTypes, [MechOid.MS_KRB5, MechOid.KRB5, MechOid.NTLM]);
  t.equal(hinted.mechListMic, undefined);
  const ntlm = spnego.decodeNegTokenInit(decodeFrame(fixture('samba-ntlm-init')).inner);
  t.strictSame(ntlm.mechTypes, [MechOid.NTLM]);
  t.match(new TextDecoder().decode(ntlm.mechToken), /^NTLMSSP\0/);
});

await t.test('asn1js reads and writes the captures as we do', async (t) => {
  const tokens = [
    ...['mit-curl-init', 'samba-ntlm-init'].map((name) => ({ name, der: decodeFrame(fixture(name)).inner })),
    { name: 'apache-resp', der: fixture('apache-resp') },
  ];
  for (const { name, der } of tokens) {
    const value = decode(spnego.NegotiationToken, der);
    t.equal(difference(spnego.NegotiationToken, value, parse(der)), undefined, name);
    t.equal(toHex(build(spnego.NegotiationToken, value)), toHex(der), name);
    t.equal(toHex(encode(spnego.NegotiationToken, value)), toHex(der), name);
  }
});

await t.test('asn1js and we read and write random tokens alike', async (t) => {
  const random = generator(4178);
  for (const [name, type] of Object.entries(TYPES)) {
    for (let round = 0; round < 60; round++) {
      const value = randomValue(type, random);
      const ours = encode(type, value);
      const found = difference(type, value, parse(ours)) ?? difference(type, decode(type, ours), parse(ours));
      if (found !== undefined) t.fail(`${name}: asn1js reads ${found} in ${toHex(ours)}`);
      if (!equalBytes(ours, build(type, value))) t.fail(`${name}: asn1js does not write ${toHex(ours)}`);
    }
  }
  t.pass('all of them');
});

await t.test('object identifiers are strict', async (t) => {
  for (const [text, hex] of [
    ['1.2.840.113554.1.2.2', '06092a864886f712010202'],
    ['1.3.6.1.5.5.2', '06062b0601050502'],
    ['2.999.3', '0603883703'],
    ['0.0', '060100'],
    // One of more than 53 bits, as the RFC 4122 arc has them; asn1js shows no such number.
    [`2.25.${2n ** 64n - 1n}`, '060b6981ffffffffffffffff7f'],
  ] as const) {
    t.equal(toHex(encode(objectIdentifier, text)), hex);
    t.equal(decode(objectIdentifier, fromHex(hex)), text);
  }
  for (const hex of ['0600', '060180', '0603808001', '06022b80', `0641${'01'.repeat(65)}`])
    t.throws(() => decode(objectIdentifier, fromHex(hex)), DerError, hex);
  for (const text of ['', '1', '3.1', '1.40', '1.02', '1.2.', 'a.b', `1.2.${'9'.repeat(200)}`])
    t.throws(() => encode(objectIdentifier, text), RangeError, text);
});

await t.test('an offer of nothing, a token of the wrong kind and unknown states are refused', async (t) => {
  const refuses = (hex: string, read: (bytes: Uint8Array) => unknown): void =>
    void t.throws(() => read(fromHex(hex)), DerError, hex);
  refuses('a0063004a0023000', spnego.decodeNegTokenInit);
  refuses('a0023000', spnego.decodeNegTokenInit);
  refuses('a1023000', spnego.decodeNegTokenInit);
  refuses('a0063004a0023000', spnego.decodeNegTokenResp);
  refuses('a1073005a0030a0104', spnego.decodeNegTokenResp);
  refuses('a1083006a0040a020001', spnego.decodeNegTokenResp);
  refuses('a1023000ff', spnego.decodeNegTokenResp);
  t.strictSame(spnego.decodeNegTokenResp(fromHex('a1023000')).negState, undefined);
});

await t.test('CVE-2024-37370, CVE-2024-37371: a token whose lengths do not add up is refused', async (t) => {
  const token = fixture('mit-curl-init');
  for (const change of [-1, 1, 3]) {
    const wrong = token.slice();
    wrong[3] = (wrong[3] as number) + change;
    t.throws(() => decodeFrame(wrong), GssError, `the frame says ${change} more`);
  }
  for (const length of [0, 1, 2, 3, 4, 10, token.length - 1])
    t.throws(() => decodeFrame(token.subarray(0, length)), GssError, `cut to ${length}`);
  t.throws(() => decodeFrame(concat(token, Uint8Array.of(0))), GssError, 'a byte behind it');
  t.throws(() => decodeFrame(fromHex('6080 06062b0601050502 0000')), GssError, 'indefinite');
  t.throws(() => decodeFrame(fromHex('6003 06052b')), GssError, 'an OID longer than its frame');
  t.throws(() => decodeFrame(new Uint8Array(2 ** 20 + 1).fill(0x60)), GssError, 'too long');
  for (const inner of ['', '01']) t.throws(() => decodeKrbToken(fromHex(inner)), GssError);

  const mic = concat(encodeMicHeader({ flags: 1, sequence: 7 }), new Uint8Array(12).fill(9));
  t.match(decodeMic(mic, 12), { flags: 1, sequence: 7, checksum: new Uint8Array(12).fill(9) });
  for (const length of [0, 1, 15, 16, 27]) t.throws(() => decodeMic(mic.subarray(0, length), 12), GssError);
  t.throws(() => decodeMic(concat(mic, Uint8Array.of(0)), 12), GssError, 'longer than its checksum');
  for (const at of [0, 1, 3, 4, 7]) {
    const wrong = mic.slice();
    wrong[at] = (wrong[at] as number) ^ 1;
    t.throws(() => decodeMic(wrong, 12), GssError, `byte ${at}: not a MIC, or no filler`);
  }
});

await t.test('the checksum 0x8003: bindings, flags, a delegated credential, extensions', async (t) => {
  const bindings = Uint8Array.from({ length: 16 }, (_, i) => i);
  const plain = encodeGssChecksum({ bindings, flags: 0x3e });
  t.equal(toHex(plain), '10000000000102030405060708090a0b0c0d0e0f3e000000');
  t.strictSame(decodeGssChecksum(plain), { bindings, flags: 0x3e, delegation: undefined });
  t.match(decodeGssChecksum(concat(plain, fromHex('ff'))), { flags: 0x3e }, 'extensions are stepped over');
  t.throws(() => encodeGssChecksum({ bindings: bindings.subarray(1), flags: 0 }), RangeError);

  const delegating = (rest: string): Uint8Array =>
    concat(encodeGssChecksum({ bindings, flags: 0x3f }), fromHex(rest));
  t.strictSame(decodeGssChecksum(delegating('0100 0300 aabbcc')).delegation, fromHex('aabbcc'));
  t.strictSame(decodeGssChecksum(delegating('0100 0200 aabbcc')).delegation, fromHex('aabb'));
  for (const rest of ['', '0100', '010003', '0100 0300 aabb', '0200 0100 aa', '0100 ffff aa'])
    t.throws(() => decodeGssChecksum(delegating(rest)), GssError, rest);
  for (const length of [0, 4, 20, 23]) t.throws(() => decodeGssChecksum(plain.subarray(0, length)), GssError);
  const wrong = plain.slice();
  wrong[0] = 17;
  t.throws(() => decodeGssChecksum(wrong), GssError, 'another length of the bindings');
});

function hexLength(length: number): string {
  return length.toString(16).padStart(2, '0');
}
