import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { decodeKdcProxyMessage, encodeKdcProxyMessage, KdcProxyMessage } from '../../src/codec/kkdcp.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { type KdcProxyOptions, kdcProxyRoutes, type ProxiedOrigin } from '../../src/http/kdc-proxy.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { MemoryRealm, REALM } from '../support/memory-realm.ts';
import { asReq, body, name } from '../support/requests.ts';
import { type Answer, parseAnswer, startWeb } from '../support/web.ts';
import type { Scope } from '../support/run.ts';

const AD = 'AD.EXAMPLE.TEST';

async function proxy(t: Scope, more: Partial<KdcProxyOptions> = {}) {
  const realm = new MemoryRealm();
  const origins: ProxiedOrigin[] = [];
  const forwarded: string[] = [];
  const web = await startWeb(t, [
    kdcProxyRoutes({
      realm: REALM,
      kdc: (message, origin) => {
        origins.push(origin);
        return realm.kdc(message, origin);
      },
      trusted: () => [AD, 'B.AD.EXAMPLE.TEST'],
      forward: async (to) => {
        forwarded.push(to);
        return Uint8Array.of(0x7e, 1, 2, 3);
      },
      addressLimit: { maxFailures: 20, window: 300 },
      ...more,
    }),
  ]);
  const post = (bytes: Uint8Array, headers: readonly string[] = []) =>
    web.request('POST /KdcProxy', ['Content-Type: application/kerberos', ...headers], bytes);
  const ask = (of: string | undefined, message = request(realm)) =>
    post(encodeKdcProxyMessage({ message, realm: of }));
  return { ...web, realm, origins, forwarded, post, ask };
}

function request(realm: MemoryRealm): Uint8Array {
  return asReq(body(realm.clock, { cname: name('alice') }));
}

/** The Kerberos message of an answer. */
function messageOf({ bytes }: Answer): Uint8Array {
  return decodeKdcProxyMessage(bytes).message;
}

await t.test('our realm answers in this process, however the client writes its name', async (t) => {
  const { realm, origins, exchange, events } = await proxy(t);
  for (const written of [REALM, REALM.toLowerCase()]) {
    const message = request(realm);
    const bytes = encodeKdcProxyMessage({ message, realm: written });
    const head = `POST /KdcProxy HTTP/1.0\r\nContent-type: application/kerberos\r\nContent-Length: ${bytes.length}\r\n\r\n`;
    const answer = parseAnswer(await exchange(Buffer.concat([Buffer.from(head), bytes])));
    t.equal(answer.status, 200);
    t.same(answer.headers['connection'], ['close'], "MIT's client reads to the end of the stream");
    t.equal(answer.headers['transfer-encoding'], undefined);
    t.same(answer.headers['content-type'], ['application/kerberos']);
    const { message: reply, realm: named } = decodeKdcProxyMessage(answer.bytes);
    t.equal(decode(KrbError, reply).errorCode, ErrorCode.KDC_ERR_PREAUTH_REQUIRED);
    t.equal(named, undefined);
  }
  t.match(origins, [{ transport: 'https', address: '127.0.0.1' }, {}]);
  t.match(events, [{ method: 'POST', path: '/KdcProxy', status: 200 }, {}]);
});

await t.test('CVE-2025-59088: a realm that the request invents is asked for nowhere', async (t) => {
  const { ask, forwarded, realm } = await proxy(t);
  const refusals = [];
  for (const invented of [
    'EVIL.EXAMPLE',
    `${AD}.`,
    'AD.EXAMPLE',
    'AD.EXAMPLE.TEST.EVIL.EXAMPLE',
    '127.0.0.1',
    '',
  ]) {
    const answer = await ask(invented);
    t.equal(answer.status, 503, invented);
    refusals.push(answer.body);
  }
  t.equal(new Set(refusals).size, 1, 'and nobody learns which realms are known');
  t.match(JSON.parse(refusals[0] ?? ''), { error: 'realm-not-served' });
  t.equal((await ask(undefined, request(realm))).status, 400, 'a message must say for which realm it is');
  t.same(forwarded, []);
});

await t.test('declared realms get what is for them, under the name that was declared', async (t) => {
  const { ask, forwarded } = await proxy(t);
  const answer = await ask('ad.Example.TEST');
  t.equal(answer.status, 200);
  t.equal(toHex(messageOf(answer)), '7e010203');
  await ask('b.ad.example.test');
  t.same(forwarded, [AD, 'B.AD.EXAMPLE.TEST']);
});

await t.test('CVE-2025-59089: what another realm answers, or does not, is bounded', async (t) => {
  const work = { running: 0 };
  const released = Promise.withResolvers<void>();
  const { ask, log, events } = await proxy(t, {
    trusted: () => [AD, 'LARGE', 'GONE', 'SLOW'],
    async forward(to, _message, { signal }) {
      if (to === 'LARGE') return new Uint8Array(200_000);
      if (to === 'GONE') throw new Error('the KDC at 10.0.0.1 is away');
      work.running++;
      await released.promise;
      signal.throwIfAborted();
      return Uint8Array.of(0x7e);
    },
  });
  for (const realm of ['LARGE', 'GONE']) {
    const answer = await ask(realm);
    t.equal(answer.status, 503, realm);
    t.match(JSON.parse(answer.body), { error: 'unreachable', message: `No KDC of ${realm} answers.` });
    t.notOk(answer.body.includes('10.0.0.1'));
  }
  const asked = Promise.all(Array.from({ length: 40 }, () => ask('SLOW')));
  while (work.running < 16) await sleep(10);
  await sleep(300);
  t.equal(work.running, 16, 'no more than so many of one address are under way');
  released.resolve();
  const answers = await asked;
  t.ok(
    answers.every(({ status }) => status === 200),
    'the others have waited',
  );
  t.same(log.lines, []);
  t.match(
    events.find(({ error }) => error === 'unreachable'),
    { status: 503 },
  );
});

await t.test(
  'CVE-2015-5159, CVE-2024-43639: bodies that are too long, endless or no DER are refused before memory is taken',
  async (t) => {
    const { post, exchange, origins, forwarded, request: send, ask, realm } = await proxy(t);

    const long = await post(new Uint8Array(128 * 1024 + 1));
    t.match([long.status, JSON.parse(long.body)], [413, { error: 'too-large' }]);
    const announced =
      'POST /KdcProxy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4294967296\r\n\r\n';
    t.equal(parseAnswer(await exchange(announced)).status, 413, 'an announcement is enough');
    t.equal((await post(new Uint8Array(128 * 1024))).status, 400, 'so many are read, and are none');

    const chunked =
      'POST /KdcProxy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    t.match(JSON.parse(parseAnswer(await exchange(`${chunked}5\r\nhello\r\n0\r\n\r\n`)).body), {
      error: 'length-required',
    });
    t.equal((await send('POST /KdcProxy')).status, 411, 'no body at all');
    t.equal((await send('POST /KdcProxy', ['Content-Length: 0'])).status, 400);
    const get = await send('GET /KdcProxy');
    t.match([get.status, get.headers['allow']], [405, ['POST']]);

    const good = encodeKdcProxyMessage({ message: request(realm), realm: REALM });
    const lengthOf = (claimed: number): Uint8Array => {
      const kerbMessage = new Uint8Array(64);
      new DataView(kerbMessage.buffer).setUint32(0, claimed);
      return encode(KdcProxyMessage, { kerbMessage, targetDomain: REALM }).slice();
    };
    for (const [what, bytes] of [
      ['text', Buffer.from('hello')],
      ['cut off', good.slice(0, -1)],
      ['bytes behind it', Uint8Array.from([...good, 0])],
      ['no end of its length', fromHex('3080a0028000')],
      ['a length of four gigabytes', fromHex('3084ffffffff')],
      ['a length in 126 bytes', Uint8Array.from([0x30, 0xfe, ...new Uint8Array(126).fill(0xff)])],
      ['nested without end', Uint8Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 0x30 : 0x80))],
      ['no Kerberos message', fromHex('3006a00404020000')],
      ['a message shorter than it says', lengthOf(61)],
      ['a message longer than it says', lengthOf(59)],
      ['a message with the highest bit of its length', lengthOf(0x8000_003c)],
      ['a message that is none', encodeKdcProxyMessage({ message: Uint8Array.of(1, 2, 3, 4), realm: REALM })],
      ['a reply', encodeKdcProxyMessage({ message: Uint8Array.of(0x6b, 3, 2, 1), realm: REALM })],
      [
        'a password for another realm',
        encodeKdcProxyMessage({ message: fromHex('000601ff0000'), realm: AD }),
      ],
    ] as const) {
      const answer = await post(bytes);
      t.equal(answer.status, 400, what);
      t.match(JSON.parse(answer.body), { error: 'bad-kdc-proxy-message', hint: /MS-KKDCP/ });
    }
    t.same(forwarded, []);
    t.equal(origins.length, 0, 'the KDC has seen none of it');

    const malformed = await ask(REALM, fromHex('6a03020101'));
    t.match(
      decode(KrbError, messageOf(malformed)).errorCode,
      ErrorCode.KRB_ERR_GENERIC,
      'what looks like a request is the KDC’s to judge',
    );
    t.equal((await ask(REALM)).status, 200, 'and the server serves on');
  },
);

await t.test('messages for the password service go to it', async (t) => {
  const messages: Uint8Array[] = [];
  const { ask } = await proxy(t, {
    kpasswd: async (message, origin) => {
      messages.push(message);
      t.match(origin, { transport: 'https', address: '127.0.0.1', localAddress: '127.0.0.1' });
      return Uint8Array.of(0, 6, 0, 1, 0, 0);
    },
  });
  const answer = await ask(REALM, fromHex('0006ff800000'));
  t.equal(answer.status, 200);
  t.equal(toHex(messageOf(answer)), '000600010000');
  t.same(messages.map(toHex), ['0006ff800000']);
});

await t.test('passwords that are guessed through it at another realm are bounded by address', async (t) => {
  const replies = [ErrorCode.KDC_ERR_PREAUTH_REQUIRED, ErrorCode.KDC_ERR_PREAUTH_FAILED];
  const error = (errorCode: number): Uint8Array =>
    encode(KrbError, {
      pvno: 5,
      msgType: 30,
      stime: 1_800_000_000,
      susec: 0,
      errorCode,
      realm: AD,
      sname: { nameType: 2, nameString: ['krbtgt', AD] },
    }).slice();
  let asked = 0;
  const { ask, realm } = await proxy(t, {
    addressLimit: { maxFailures: 3, window: 300 },
    forward: async () => error(replies[asked++ % 2] as number),
  });
  for (let i = 0; i < 6; i++) t.equal((await ask(AD)).status, 200, 'asking for a challenge is no guess');
  const refused = await ask(AD);
  t.equal(refused.status, 429);
  t.match(JSON.parse(refused.body), { error: 'too-many-failures' });
  t.ok(Number(refused.headers['retry-after']) > 0);
  t.equal((await ask('B.AD.EXAMPLE.TEST')).status, 429, 'at any other realm');
  t.equal(asked, 6, 'and nobody is asked');
  t.equal((await ask(REALM)).status, 200, 'our own KDC counts by itself');
  const tgs = request(realm);
  tgs[0] = 0x6c;
  t.equal((await ask(AD, tgs)).status, 200, 'whoever has logged in gets tickets');
});
