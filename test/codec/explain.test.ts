import t from 'tap';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { RealmwardError } from '../../src/base/errors.ts';
import { octetString } from '../../src/codec/der/primitives.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { explain } from '../../src/codec/explain/explain.ts';
import { MAX_EXPLAINED } from '../../src/codec/explain/input.ts';
import { formatTree } from '../../src/codec/explain/tree.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { AsReq } from '../../src/codec/krb5/kdc.ts';
import { EncKrbPrivPart } from '../../src/codec/krb5/safe-priv-cred.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { encodeKdcProxyMessage, type ProxiedMessage } from '../../src/codec/kkdcp.ts';
import { capture, messages } from './messages.ts';

// Many refusals are tried here, and nobody reads their stacks.
Error.stackTraceLimit = 0;

const text = (bytes: Uint8Array) => formatTree(explain(bytes));
const refused = { name: 'RealmwardError', code: 'cannot-decode', hint: String };

await t.test('explains what a request for a new password and its reply consist of', async (t) => {
  const request = text(capture('../kpasswd/mit-set-request'));
  t.match(request, /^request for a new password, version 0xff80\n  AP-REQ \[APPLICATION 14\]\n/);
  t.match(request, /\n      sname: kadmin\/changepw \(/);
  t.match(request, /\n  KRB-PRIV \[APPLICATION 21\]\n/);
  const reply = text(capture('../kpasswd/mit-success-reply'));
  t.match(reply, /^reply to a request for a new password\n  AP-REP .*\n  KRB-PRIV /s);
  t.match(text(capture('../kpasswd/mit-error-reply')), /^reply to .*\n  KRB-ERROR /);
  const overTcp = concat(fromHex('000002fb'), capture('../kpasswd/mit-set-request'));
  t.equal(text(overTcp), request);
});

await t.test(
  'explains a KRB-ERROR: names of numbers, times in ISO form, e-data decoded further',
  async (t) => {
    const error = decode(KrbError, capture('mit-kinit-krb-error'));
    const fixed = encode(KrbError, { ...error, stime: 1_900_000_000, susec: 7, crealm: undefined });
    t.equal(
      text(fixed),
      `KRB-ERROR [APPLICATION 30]
  pvno: 5
  msg-type: 30 (KRB-ERROR)
  stime: 2030-03-17T17:46:40Z
  susec: 7
  error-code: 25 (KDC_ERR_PREAUTH_REQUIRED)
  cname: alice (NT-PRINCIPAL)
  realm: REALM1.EXAMPLE
  sname: krbtgt/REALM1.EXAMPLE (NT-SRV-INST)
  e-text: NEEDED_PREAUTH
  e-data
    136 (PA-FX-FAST): empty
    19 (PA-ETYPE-INFO2)
      1
        etype: 18 (aes256-cts-hmac-sha1-96)
        salt: REALM1.EXAMPLEalice
    2 (PA-ENC-TIMESTAMP): empty
    133 (PA-FX-COOKIE): MIT
`,
    );
  },
);

await t.test('explains a TGS-REQ down to the AP-REQ in its padata', async (t) => {
  const lines = text(capture('heimdal-kgetcred-tgs-req'));
  t.match(lines, /^TGS-REQ \[APPLICATION 12\]$/m);
  t.match(lines, /^ {4}1 \(PA-TGS-REQ\)\n {6}pvno: 5\n {6}msg-type: 14 \(AP-REQ\)$/m);
  t.match(lines, /^ {8}sname: krbtgt\/REALM1\.EXAMPLE \(NT-SRV-INST\)$/m);
  t.match(lines, /^ {4}etype: 18 \(aes256-cts-hmac-sha1-96\), 17 \(aes128-cts-hmac-sha1-96\)/m);
  t.match(lines, /^ {4}kdc-options: 0x[0-9a-f]{8} \(forwardable, renewable/m);
  t.match(lines, /^ {4}nonce: -\d+$/m);
});

await t.test('explains the message in a KDC-PROXY-MESSAGE', async (t) => {
  const message = capture('mit-kinit-krb-error');
  const inside = text(message).trimEnd().replaceAll(/^/gm, '  ');
  const around = (proxied: Partial<ProxiedMessage>) =>
    text(encodeKdcProxyMessage({ message, ...proxied }).slice());
  t.equal(around({}), `KDC-PROXY-MESSAGE\n${inside}\n`);
  t.equal(
    around({ realm: 'A\u001b[1m', dclocatorHint: 7 }),
    `KDC-PROXY-MESSAGE\n${inside}\n  target-domain: A\\u{1b}[1m\n  dclocator-hint: 7\n`,
  );
  const cut = encodeKdcProxyMessage({ message }).slice(0, -1);
  t.throws(() => explain(cut), refused);
});

await t.test('explains what a ticket holds, but no key', async (t) => {
  const bytes = capture('mit-kinit-enc-ticket-part');
  const lines = text(bytes);
  t.match(lines, /^ {2}key: etype 18 \(aes256-cts-hmac-sha1-96\), 32 bytes, not shown$/m);
  t.match(
    lines,
    /^ {2}flags: 0x50e10000 \(forwardable, proxiable, renewable, initial, pre-authent, enc-pa-rep\)$/m,
  );
  t.match(
    lines,
    /^ {4}1 \(AD-IF-RELEVANT\)\n {6}128 \(AD-WIN2K-PAC\): PAC of \d+ bytes\n {8}10 \(CLIENT_INFO\): 20 bytes$/m,
  );
});

await t.test('shows addresses, s2kparams and PAC options as people read them', async (t) => {
  t.match(text(capture('mit-bob-as-req')), /1: 192\.0\.2\.2 \(IPv4\)\n {6}2: fd00:0000:.* \(IPv6\)/);
  const request = decode(AsReq, capture('mit-unknown-as-req'));
  const info2 = fromHex('3014 3012 a003020112 a1031b0178 a2060404 00001000');
  const padata = [
    { padataType: 167, padataValue: fromHex('3009 a007 0305 00 90000000') },
    { padataType: 19, padataValue: info2 },
    { padataType: 128, padataValue: fromHex('3005 a003 0101ff') },
    { padataType: 11, padataValue: fromHex('30 01') },
    { padataType: 4711, padataValue: fromHex('3003 020105') },
  ];
  const lines = text(encode(AsReq, { ...request, padata }));
  t.match(lines, /167 \(PA-PAC-OPTIONS\): 0x90000000 \(claims, resource-based-constrained-delegation\)/);
  t.match(lines, /salt: x\n +s2kparams: 4096 iterations/);
  t.match(lines, /128 \(PA-PAC-REQUEST\)\n +include-pac: true/);
  t.match(lines, /11 \(PA-ETYPE-INFO\): 2 bytes 3001 \(no ETYPE-INFO: SEQUENCE reaches 1 bytes beyond/);
  t.match(lines, /4711\n +SEQUENCE\n +INTEGER: 5/);
});

await t.test('explains every message of the fixtures, and shows none of their keys', async (t) => {
  for (const { name, type, bytes } of messages()) {
    const lines = text(bytes);
    if ((bytes[0] ?? 0) >> 6 === 1)
      t.ok(lines.startsWith(`${type.name} [APPLICATION ${(bytes[0] ?? 0) & 31}]`), name);
    else t.match(lines, /^SEQUENCE/, name);
    if (/-part$|-authenticator$/.test(name)) {
      for (const key of keysOf(decode(type, bytes))) {
        if (lines.includes(toHex(key))) t.fail(`${name} shows a key`);
        const broken = bytes.slice();
        broken[broken.indexOf(0x30)] = 0x31;
        t.notMatch(explainedOrRefused(broken), toHex(key.subarray(0, 8)), `${name}, broken`);
      }
    }
  }
});

/** All that is called keyvalue, at any depth. */
function keysOf(value: unknown): Uint8Array[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'keyvalue' ? [one as Uint8Array] : keysOf(one),
  );
}

function explainedOrRefused(bytes: Uint8Array): string {
  try {
    return text(bytes);
  } catch (error) {
    if (error instanceof RealmwardError) return error.message;
    throw error;
  }
}

await t.test(
  'a broken message is shown as DER, and byte strings that may be keys by their length',
  async (t) => {
    const part = capture('mit-kinit-enc-ticket-part');
    const { key } = decode(EncTicketPart, part);
    const broken = fromHex(toHex(part).replace('020112', '0a0112'));
    const lines = text(broken);
    t.match(
      lines,
      /^DER: no EncTicketPart, though \[APPLICATION 3\] says so: .*expected INTEGER, found ENUMERATED/,
    );
    t.match(lines, /OCTET STRING: 32 bytes\n/);
    t.notMatch(lines, toHex(key.keyvalue));
  },
);

await t.test('a new password in a KRB-PRIV is not shown', async (t) => {
  const sAddress = { addrType: 2, address: fromHex('7f000001') };
  const lines = text(encode(EncKrbPrivPart, { userData: utf8('geheim'), sAddress }));
  t.match(lines, /user-data: 6 bytes, not shown/);
  t.notMatch(lines, /geheim|67656865696d/);
});

await t.test(
  'takes a message as bytes, hexadecimal or base64, with or without the length of TCP',
  async (t) => {
    const bytes = capture('mit-unknown-as-req');
    const expected = text(bytes);
    const hex = toHex(bytes);
    const base64 = Buffer.from(bytes).toString('base64');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    for (const [form, input] of [
      ['hexadecimal', utf8(hex)],
      ['upper case with line breaks', utf8(`${hex.toUpperCase().replaceAll(/.{64}/g, '$&\n')}\r\n`)],
      ['as a C array', utf8(hex.replaceAll(/../g, '0x$&, '))],
      ['with colons', utf8(hex.replaceAll(/..(?!$)/g, '$&:'))],
      ['base64', utf8(base64)],
      ['base64 in lines', utf8(`${base64.replaceAll(/.{64}/g, '$&\n')}\n`)],
      ['base64url', utf8(Buffer.from(bytes).toString('base64url'))],
      ['PEM', utf8(`-----BEGIN X-----\n${base64}\n-----END X-----\n`)],
      ['TCP', concat(length, bytes)],
      ['TCP in hexadecimal', utf8(`${length.toString('hex')}${hex}`)],
    ] as const) {
      t.equal(text(input), expected, form);
    }
  },
);

await t.test('shows any other DER as a tree', async (t) => {
  const der = fromHex(
    '3081b7' +
      '06062b0601050202' +
      '0101ff' +
      '020111' +
      '0215010203040506070809101112131415161718192021' +
      '0500' +
      '170d3136303130313030303030305a' +
      '180f32303330303331373137343634305a' +
      '0c03c3bc7a' +
      '1b05616c696365' +
      '1e0400410042' +
      '0403010203' +
      '030200ff' +
      'a1050403616263' +
      '3100' +
      '040102'.repeat(10),
  );
  der[2] = der.length - 3;
  t.equal(
    text(der).split('\n').slice(0, 18).join('\n'),
    `SEQUENCE
  OBJECT IDENTIFIER: 1.3.6.1.5.2.2
  BOOLEAN: true
  INTEGER: 17
  INTEGER: ${BigInt('0x010203040506070809101112131415161718192021')}
  NULL: empty
  UTCTime: 2016-01-01T00:00:00Z
  GeneralizedTime: 2030-03-17T17:46:40Z
  UTF8String: üz
  GeneralString: alice
  BMPString: AB
  OCTET STRING: 3 bytes 010203
  BIT STRING: 2 bytes 00ff
  [1]
    OCTET STRING: 3 bytes 616263
  SET
  OCTET STRING: 1 byte 02
  OCTET STRING: 1 byte 02`,
  );
});

await t.test('text from the wire cannot speak to the terminal', async (t) => {
  const request = decode(AsReq, capture('mit-unknown-as-req'));
  const nasty = 'a\u001b[2J\r\n\u202e\u2028\\/@ü';
  const cname = { nameType: 99, nameString: [nasty, 'b'] };
  const lines = text(encode(AsReq, { ...request, reqBody: { ...request.reqBody, cname, realm: nasty } }));
  t.match(lines, 'realm: a\\u{1b}[2J\\u{d}\\u{a}\\u{202e}\\u{2028}\\\\/@ü\n');
  t.match(lines, /cname: a\\u\{1b\}\[2J.*\\\/\\@ü\/b \(name type 99\)\n/);
  // oxlint-disable-next-line eslint/no-control-regex -- that is what must not be there
  t.notMatch(lines.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  const der = encode(octetString(), utf8(nasty));
  der[0] = 0x1b;
  t.notMatch(text(der), '\u001b');
});

await t.test('refuses what is no DER, and too much of it', async (t) => {
  for (const [input, message] of [
    [utf8(''), /nothing to decode/],
    [utf8(' \n'), /nothing to decode/],
    [utf8('hello, world'), /no DER/],
    [fromHex('3080 0000'), /indefinite/],
    [fromHex('3084 00000000'), /far too long/],
    [fromHex('3003 0201'), /beyond its container/],
    [fromHex('0201 01 00'), /without a length/],
    [fromHex('0201 01 0500'), /more than one element/],
    [fromHex('1f8101 00'), /more than one octet/],
    [fromHex('2403 040101'), /in pieces/],
    [fromHex('3082'), /cut off/],
    [new Uint8Array(MAX_EXPLAINED + 1), /too many/],
    [utf8('30'.repeat(MAX_EXPLAINED + 1)), /too many/],
    [new Uint8Array(5 * MAX_EXPLAINED), /too many/],
  ] as const) {
    t.throws(() => explain(input), { ...refused, message }, String(message));
  }
});

await t.test(
  'a hostile message costs little: depth, elements and long identifiers are bounded',
  async (t) => {
    const nested = (tag: number, levels: number) => {
      let bytes = fromHex('0500');
      for (let i = 0; i < levels; i++) {
        bytes = encode(octetString(), bytes);
        bytes[0] = tag;
      }
      return bytes;
    };
    t.throws(() => explain(nested(0x30, 100)), { ...refused, message: /more than 64 levels/ });
    t.match(text(nested(0x30, 60)), 'NULL: empty');
    t.match(text(nested(0x04, 2000)), /^OCTET STRING: \d+ bytes/, 'byte strings are not opened');
    const many = encode(octetString(), new Uint8Array(60_000));
    many[0] = 0x30;
    t.throws(() => explain(many), { ...refused, message: /more than 20000 elements/ });
    const oid = encode(octetString(), new Uint8Array(60_000).fill(0x81));
    oid[0] = 0x06;
    t.match(text(oid), /^OBJECT IDENTIFIER: 60000 bytes 8181/);

    let data: AuthorizationData = [{ adType: 1, adData: fromHex('3000') }];
    for (let i = 0; i < 200; i++) data = [{ adType: 1, adData: encode(AuthorizationData, data) }];
    const part = decode(EncTicketPart, capture('mit-kinit-enc-ticket-part'));
    const lines = text(encode(EncTicketPart, { ...part, authorizationData: data }));
    t.equal(lines.match(/AD-IF-RELEVANT/g)?.length, 9, 'eight levels, and the ninth as bytes');
  },
);

await t.test('whatever bit is flipped, the answer is a tree or a clear refusal', async (t) => {
  for (const { bytes } of messages().filter(({ bytes }) => bytes.length < 100)) {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (explainedOrRefused(flipped) === '') t.fail('nothing said');
    }
  }
});
