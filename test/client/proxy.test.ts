/** KDC proxies (MS-KKDCP): the client's messages inside HTTPS. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { equalBytes } from '../../src/base/bytes.ts';
import type { Fetch } from '../../src/client/fetch.ts';
import {
  type ClientContext,
  getInitialTicket,
  getServiceTicket,
  nameOf,
  parsePrincipal,
  type SenderEvent,
} from '../../src/client/index.ts';
import { nodeClient, type NodeClientOptions } from '../../src/client/node.ts';
import { type PortableClientOptions, portableClient } from '../../src/client/portable.ts';
import { encodeKdcProxyMessage, MAX_KDC_PROXY_MESSAGE } from '../../src/codec/kkdcp.ts';
import { type CertifiedKey, makeCa } from '../support/certificates.ts';
import { answerProxied, type ProxiedKdc, startHttps, startTestProxy } from '../support/kdc-proxy.ts';
import { MemoryRealm, REALM } from '../support/memory-realm.ts';
import { requirePeer } from '../support/peers.ts';
import { ORIGIN } from '../support/requests.ts';
import { startFakeDns, uri } from './fake-dns.ts';

const PASSWORD = 'Alice. päss 1';
const HOST = nameOf('host', 'device1');
const REQUEST = Uint8Array.of(0x6a, 1);
const REPLY = Uint8Array.of(0x6b, 2);

const realm = new MemoryRealm();
await realm.addUser('alice', PASSWORD);
realm.add({ name: 'host/device1' });
const kdc: ProxiedKdc = async (message) => realm.kdc(message, ORIGIN);
const common = { clock: realm.clock, settings: { minIterations: 1 } };

async function logsIn(t: Test, context: ClientContext): Promise<void> {
  const client = parsePrincipal('alice', REALM);
  const tgt = await getInitialTicket(context, { client, proof: { password: PASSWORD } });
  const { credential } = await getServiceTicket(context, tgt, { name: HOST });
  t.strictSame(credential.server, { realm: REALM, name: HOST });
}

await t.test('over the `fetch` of whatever engine there is', async (t) => {
  const requests: Parameters<Fetch>[] = [];
  /** A client whose `fetch` gives what `respond` does. */
  const client = (respond: Fetch, options: Partial<PortableClientOptions> = {}) =>
    portableClient({
      ...common,
      realms: { [REALM]: ['https://proxy.test/KdcProxy', 'https://[2001:db8::2]:8443/other'] },
      fetch: async (...request) => {
        requests.push(request);
        return respond(...request);
      },
      ...options,
    });
  const ok = (body: Uint8Array): Response => new Response(Uint8Array.from(body));
  const urls = (): string[] => requests.splice(0).map(([url]) => url);

  await t.test('a password gets a ticket, and that gets one for a service', async (t) => {
    const asked: string[] = [];
    await logsIn(
      t,
      client(async (_, { body }) => ok(await answerProxied(kdc, body, asked))),
    );
    t.strictSame(asked, [REALM, REALM, REALM], 'each message names the realm');
    const [first] = requests;
    t.match(first, [
      'https://proxy.test/KdcProxy',
      {
        method: 'POST',
        headers: { 'content-type': 'application/kerberos' },
        redirect: 'error',
        credentials: 'omit',
      },
    ]);
    urls();
  });

  await t.test('a proxy that cannot help is left for the next one, whatever it says', async (t) => {
    const troubles: [string, Fetch][] = [
      ['an HTTP status', async () => new Response('no', { status: 503 })],
      ['a page', async () => new Response('<html>Log in to the network first')],
      ['nothing', async () => new Response(null)],
      [
        'a message of another length than it says',
        async () => ok(Uint8Array.of(0x30, 9, 0xa0, 7, 4, 5, 0, 0, 0, 2, 1)),
      ],
      ['an endless answer', async () => new Response(endless())],
      ['an error of the network', () => Promise.reject(new TypeError('Failed to fetch'))],
    ];
    for (const [what, trouble] of troubles) {
      const answer = ok(encodeKdcProxyMessage({ message: REPLY }));
      const context = client(async (url, request) =>
        url.includes('proxy.test') ? trouble(url, request) : answer,
      );
      t.ok(equalBytes(await context.send(REALM, REQUEST), REPLY), what);
      t.strictSame(urls(), ['https://proxy.test/KdcProxy', 'https://[2001:db8::2]:8443/other']);
    }
    await t.rejects(client(troubles[0]![1]).send(REALM, REQUEST), {
      code: 'no-answer',
      message:
        /https:\/\/proxy\.test\/KdcProxy: answers with the HTTP status 503; https:\/\/\[2001:db8::2\]:8443\/other: /,
    });
    urls();
  });

  await t.test('a wrong password is nothing to ask a second proxy about', async (t) => {
    const context = client(async (_, { body }) => ok(await answerProxied(kdc, body)));
    const request = { client: parsePrincipal('alice', REALM), proof: { password: 'wrong' } };
    await t.rejects(getInitialTicket(context, request), { code: 'kdc-err-preauth-failed' });
    t.strictSame(new Set(urls()), new Set(['https://proxy.test/KdcProxy']));
  });

  await t.test('the second proxy answers when the first is silent, and the waiting ends', async (t) => {
    const events: SenderEvent[] = [];
    const options: Partial<PortableClientOptions> = {
      patience: 10,
      observe: (event) => void (event.kind === 'attempt' && events.push(event)),
    };
    const silent: Fetch = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const answer = ok(encodeKdcProxyMessage({ message: REPLY }));
    const context = client(
      async (url, request) => (url.includes('proxy.test') ? silent(url, request) : answer),
      options,
    );
    t.ok(equalBytes(await context.send(REALM, REQUEST), REPLY));
    t.match(events, [
      { transport: 'https', address: 'proxy.test', port: 443, outcome: 'silent' },
      { transport: 'https', address: '2001:db8::2', port: 8443, outcome: 'answered' },
    ]);
    const all = client(silent, { ...options, lastPatience: 10 });
    await t.rejects(all.send(REALM, REQUEST), { code: 'no-answer', message: /all of them are silent/ });
    const abort = new AbortController();
    const asked = client(silent).send(REALM, REQUEST, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error('enough')));
    await t.rejects(asked, { message: 'enough' });
    urls();
  });

  await t.test('reaches no KDC by UDP or TCP, and says so', async (t) => {
    const context = client(() => t.fail('nobody is asked') as never, {
      realms: { [REALM]: ['192.0.2.1:88'] },
    });
    await t.rejects(context.send(REALM, REQUEST), {
      code: 'no-answer',
      message: /only KDC proxies \(https:/,
    });
  });
});

await t.test('over HTTPS of Node', async (t) => {
  if (!requirePeer(t, 'openssl')) return;
  const ca = await makeCa(t);
  const server = await ca.issue(['localhost']);
  const proxy = await startTestProxy(t, server, kdc);
  const client = (options: NodeClientOptions, servers: readonly string[] = [proxy.url]) =>
    nodeClient({ ...common, dns: false, realms: { [REALM]: servers }, ...options });
  const trusting = { tls: { ca: ca.cert } };

  await t.test('a password gets a ticket, and that gets one for a service', async (t) => {
    await logsIn(t, client(trusting));
    t.strictSame(proxy.asked, [REALM, REALM, REALM]);
  });

  await t.test('a certificate that nobody has vouched for is refused in words', async (t) => {
    const refused = async (options: NodeClientOptions, message: RegExp, hint: RegExp, servers?: string[]) =>
      t.rejects(client(options, servers).send(REALM, REQUEST), {
        code: 'certificate-refused',
        message,
        hint,
      });
    const asked = proxy.asked.length;
    await refused(
      {},
      /That of localhost is signed by nobody who is trusted here/,
      /Name the CA .* fingerprint/,
    );
    const other = await makeCa(t, 'Another CA');
    await refused({ tls: { ca: other.cert } }, /signed by nobody/, /Name the CA/);
    await refused(
      trusting,
      /127\.0\.0\.1 is made for another name/,
      /name that the certificate is made for/,
      [`https://127.0.0.1:${proxy.port}/KdcProxy`],
    );
    const old = await startTestProxy(t, await ca.issue(['localhost'], { days: -1 }), kdc);
    await refused(trusting, /has expired/, /Renew .* clock/, [old.url]);
    t.equal(proxy.asked.length, asked, 'and the proxy is told nothing');
    await refused(trusting, /has expired/, /Renew/, [old.url, '127.0.0.1:9']);
    await logsIn(t, client(trusting, [old.url, proxy.url]));
  });

  await t.test(
    'a fingerprint stands for the CA: of the server itself, or of the CA that it sends along',
    async (t) => {
      const plain = server.fingerprint.replaceAll(':', '').toLowerCase();
      for (const fingerprint of [server.fingerprint, plain, `SHA256:${plain}`])
        await logsIn(t, client({ tls: { fingerprint } }, [`https://127.0.0.1:${proxy.port}/KdcProxy`]));
      const chained = await startTestProxy(t, { ...server, cert: server.cert + ca.cert }, kdc);
      await logsIn(t, client({ tls: { fingerprint: ca.fingerprint } }, [chained.url]));
      const refused = async (url: string, message: RegExp) =>
        t.rejects(client({ tls: { fingerprint: ca.fingerprint } }, [url]).send(REALM, REQUEST), {
          code: 'certificate-refused',
          message,
        });
      await refused(`https://127.0.0.1:${chained.port}/KdcProxy`, /made for another name/);
      await refused(proxy.url, new RegExp(`has another fingerprint \\(${server.fingerprint}\\)`));
      const evil = await (await makeCa(t)).issue(['localhost']);
      const forged = await startTestProxy(t, { ...evil, cert: evil.cert + ca.cert }, kdc);
      await refused(forged.url, /is signed by nobody|has another fingerprint/);
      t.strictSame(forged.asked, [], 'a CA that was merely sent along has signed nothing');
    },
  );

  await t.test('a CA or a fingerprint that is none is told at once', async (t) => {
    t.throws(() => client({ tls: { ca: 'no PEM' } }), { code: 'bad-certificate' });
    for (const fingerprint of ['', 'ab', `${server.fingerprint}:00`, 'z'.repeat(64)])
      t.throws(() => client({ tls: { fingerprint } }), { code: 'bad-fingerprint', hint: /64 hexadecimal/ });
  });

  await t.test('what is no answer is left for the next server', async (t) => {
    const misbehaviours: [RegExp, Parameters<typeof startHttps>[2]][] = [
      [/HTTP status 404/, (_, response) => void response.writeHead(404).end()],
      [/HTTP status 302/, (_, response) => void response.writeHead(302, { location: proxy.url }).end()],
      [/more than 131072 bytes/, (_, response) => void response.end(Buffer.alloc(MAX_KDC_PROXY_MESSAGE + 1))],
      [/expected SEQUENCE/, (_, response) => void response.end('<html>')],
      [/hang up|ECONNRESET|closed/, (request) => void request.socket.destroy()],
      [
        /aborted|closed/,
        (request, response) => {
          response.writeHead(200, { 'content-length': 10 }).write('0');
          setImmediate(() => request.socket.destroy());
        },
      ],
    ];
    for (const [message, serve] of misbehaviours) {
      const port = await startHttps(t, server, serve);
      const url = `https://localhost:${port}/KdcProxy`;
      await t.rejects(client(trusting, [url]).send(REALM, REQUEST), { code: 'no-answer', message });
      await logsIn(t, client(trusting, [url, proxy.url]));
    }
    const notTls = createServer((socket) => socket.on('error', () => undefined).end('hello\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(notTls, 'listening');
    t.teardown(() => void notTls.close());
    const { port } = notTls.address() as { port: number };
    for (const tls of [trusting.tls, { fingerprint: server.fingerprint }])
      await t.rejects(client({ tls }, [`https://localhost:${port}/`]).send(REALM, REQUEST), {
        code: 'no-answer',
      });
  });

  await t.test('waiting ends with the signal, before TLS is set up and after', async (t) => {
    const deaf = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    t.teardown(() => void deaf.close());
    const { port } = deaf.address() as { port: number };
    const quiet = await startHttps(t, server, () => undefined);
    for (const [at, tls] of [
      [port, trusting.tls],
      [port, { fingerprint: server.fingerprint }],
      [quiet, trusting.tls],
    ] as const) {
      const abort = new AbortController();
      const asked = client({ tls }, [`https://localhost:${at}/`]).send(REALM, REQUEST, {
        signal: abort.signal,
      });
      setTimeout(() => abort.abort(new Error('enough')), 20);
      await t.rejects(asked, { message: 'enough' });
    }
  });

  await t.test(
    'a realm is found by nothing but DNS, through a proxy that its URI record names',
    async (t) => {
      const dns = await startFakeDns(t);
      const named: CertifiedKey = await ca.issue(['proxy.a.test']);
      const { port, asked } = await startTestProxy(t, named, kdc);
      const target = `krb5srv:m:kkdcp:https://proxy.a.test:${port}/KdcProxy`;
      dns.zone[`URI _kerberos.${REALM.toLowerCase()}`] = [uri(`_kerberos.${REALM}`, target)];
      dns.zone['A proxy.a.test'] = [{ type: 'A', name: 'proxy.a.test', ttl: 60, data: '127.0.0.1' }];
      dns.zone['AAAA proxy.a.test'] = [];
      await logsIn(t, nodeClient({ ...common, ...trusting, dns: { servers: [dns.server] } }));
      t.equal(asked.length, 3);
      dns.zone['A proxy.a.test'] = [];
      const gone = nodeClient({ ...common, ...trusting, dns: { servers: [dns.server] } });
      await t.rejects(gone.send(REALM, REQUEST), {
        code: 'no-answer',
        message: /DNS has no address of proxy\.a\.test/,
      });
    },
  );
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) });
}
