import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyPluginAsync } from 'fastify';
import t from 'tap';
import { z } from 'zod';
import { parseBody } from '../../src/http/body.ts';
import { HttpError } from '../../src/http/errors.ts';
import { present } from '../support/present.ts';
import { parseAnswer, readToEnd, startWeb, webAuthority } from '../support/web.ts';

/** Routes that show what came of a request, and how often one was handled. */
function routes(): FastifyPluginAsync & { handled: number } {
  const plugin = Object.assign(
    (async (app) => {
      app.addHook('onRequest', async () => void plugin.handled++);
      app.get('/things/:id', async () => ({ thing: 1 }));
      app.route({
        method: 'POST',
        url: '/echo',
        handler: async (request) => parseBody(z.strictObject({ user: z.string() }), request.body),
      });
      app.get('/secret', async () => {
        throw new Error('the password is hunter2');
      });
      app.get('/refused', async () => {
        throw new HttpError(409, 'already-there', 'It is there already.', {
          hint: 'Look.',
          headers: { 'retry-after': '7' },
        });
      });
      app.get('/slow', async () => {
        await sleep(200);
        return { slow: true };
      });
    }) as FastifyPluginAsync,
    { handled: 0 },
  );
  return plugin;
}

await t.test('what comes without TLS', async (t) => {
  const served = routes();
  const { exchange, connect, events } = await startWeb(t, [served], {
    names: ['localhost', 'realm1.example', '2001:db8::1'],
  });
  const plain = async (text: string) => parseAnswer(await exchange(text, { tls: false }));

  await t.test(
    'is refused at its headers unless it is a GET or HEAD: the body need not even be sent',
    async (t) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        // No body comes, and the connection is not closed by us: the answer must not wait for either.
        const answer = await plain(
          `${method} /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n`,
        );
        t.equal(answer.status, 403, method);
        t.match(JSON.parse(answer.body), { error: 'https-required', message: /HTTPS/, hint: /change it/ });
        t.same(answer.headers['connection'], ['close']);
      }
      const waiting = await plain(
        'POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
      );
      t.equal(waiting.status, 403, 'a client that asks whether to send its body is not told to');
      t.match(await plain('CONNECT other:1 HTTP/1.1\r\nHost: localhost\r\n\r\n'), { status: 403 });
      t.match(await plain('GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'), {
        status: 308,
      });
    },
  );

  await t.test('is told why even while it is still sending', async (t) => {
    const socket = await connect({ tls: false });
    const answer = readToEnd(socket);
    socket.write('POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n');
    for (let i = 0; i < 40; i++) socket.write('x'.repeat(10_000));
    t.equal(parseAnswer(await answer).status, 403);
  });

  await t.test('is sent to HTTPS where it only asks, and only to a name of ours', async (t) => {
    const at = async (host: string, target = '/a?b=1') =>
      plain(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    for (const [host, location] of [
      ['localhost:8443', 'https://localhost:8443/a?b=1'],
      ['REALM1.example', 'https://realm1.example/a?b=1'],
      ['[2001:db8::1]:1', 'https://[2001:db8::1]:1/a?b=1'],
    ] as const) {
      const answer = await at(host);
      t.equal(answer.status, 308);
      t.same(answer.headers['location'], [location]);
    }
    for (const host of [
      'evil.example',
      'localhost@evil.example',
      'localhost:1:2',
      'localhost.evil.example',
      '',
      'x y',
    ]) {
      const answer = await at(host);
      t.equal(answer.headers['location'], undefined, host);
      t.ok([400, 421].includes(answer.status), `${host}: ${answer.status}`);
    }
    t.equal((await at('localhost', 'http://evil.example/')).status, 421, 'a whole URL is no path');
    const head = await exchange('HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n', { tls: false });
    t.match(head, /^HTTP\/1\.1 308 .*\r\n\r\n$/s, 'HEAD gets no body');
  });

  await t.test('leaves a line in the log, without its query', async (t) => {
    events.length = 0;
    await plain('POST /v1/login?password=hunter2 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.match(events, [
      {
        method: 'POST',
        path: '/v1/login',
        status: 403,
        tls: false,
        error: 'https-required',
        address: '127.0.0.1',
      },
    ]);
    t.notOk(JSON.stringify(events).includes('hunter2'));
  });

  t.equal(served.handled, 0, 'no route has seen any of it');
});

await t.test('over TLS', async (t) => {
  const served = routes();
  const { request, exchange, connect, events, log, port } = await startWeb(t, [served]);

  await t.test('every answer has the headers that keep browsers careful', async (t) => {
    for (const line of ['GET /things/1', 'GET /nothing', 'GET /secret', 'GET /%zz']) {
      const { headers } = await request(line);
      t.same(headers['cache-control'], ['no-store'], line);
    }
    const { headers } = await request('GET /nothing');
    t.match(
      headers['content-security-policy']?.[0],
      /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
    );
    t.notMatch(headers['content-security-policy']?.[0], /unsafe|script-src/);
    t.match(headers, {
      'x-frame-options': ['DENY'],
      'x-content-type-options': ['nosniff'],
      'referrer-policy': ['no-referrer'],
    });
    t.equal(headers['strict-transport-security'], undefined, 'on localhost other things run');
    t.equal(headers['server'], undefined);
    const named = await startWeb(t, [], { names: ['realm1.example'] });
    t.same((await named.request('GET /')).headers['strict-transport-security'], ['max-age=31536000']);
  });

  await t.test('mistakes are answered as JSON with a stable code', async (t) => {
    const json = ['Content-Type: application/json'];
    const cases = [
      ['GET /nothing?code=1', [], '', 404, 'not-found'],
      ['DELETE /things/1', [], '', 404, 'not-found'],
      ['PUT /echo', [], '', 405, 'method-not-allowed'],
      ['GET /%zz', [], '', 400, 'bad-request'],
      ['POST /echo', json, '{', 400, 'bad-json'],
      ['POST /echo', json, '{"__proto__":{}}', 400, 'bad-json'],
      ['POST /echo', json, '{"user":1}', 400, 'bad-request'],
      ['POST /echo', json, '{"user":"a","extra":1}', 400, 'bad-request'],
      ['POST /echo', ['Content-Type: text/plain'], '{"user":"a"}', 415, 'unsupported-media-type'],
      ['POST /echo', json, `{"user":"${'a'.repeat(70_000)}"}`, 413, 'too-large'],
      ['GET /secret', [], '', 500, 'internal-error'],
      ['GET /refused', [], '', 409, 'already-there'],
    ] as const;
    for (const [line, headers, body, status, error] of cases) {
      const answer = await request(line, headers, body);
      t.equal(answer.status, status, line);
      t.match(JSON.parse(answer.body), { error, message: /\.$/, hint: /./ });
    }
    t.same((await request('PUT /echo')).headers['allow'], ['POST']);
    t.same((await request('GET /refused')).headers['retry-after'], ['7']);
    t.equal((await request('POST /echo', json, '{"user":"a"}')).body, '{"user":"a"}');
  });

  await t.test('nobody but the log learns what failed, and the log no secret of a request', async (t) => {
    log.lines.length = 0;
    events.length = 0;
    const { body } = await request('GET /secret?code=hunter3', [
      'Authorization: Basic aHVudGVyMg==',
      'Cookie: a=hunter4',
    ]);
    t.notOk(body.includes('hunter2'));
    t.match(log.lines, [
      { level: 'error', fields: { err: { message: 'the password is hunter2' }, path: '/secret' } },
    ]);
    t.match(events, [{ method: 'GET', path: '/secret', status: 500, error: 'internal-error', tls: true }]);
    const logged = JSON.stringify([events, log.lines]);
    for (const secret of ['hunter3', 'aHVudGVyMg', 'hunter4']) t.notOk(logged.includes(secret), secret);
    await request('GET /things/some-host');
    t.equal(events.at(-1)?.path, '/things/:id', 'a path of ours is told by its pattern');
    await request(`GET /${'x'.repeat(500)}`);
    t.equal(events.at(-1)?.path.length, 100, 'another one is cut off');
  });

  await t.test('a path that the router could take for a pattern is a path like any other', async (t) => {
    log.lines.length = 0;
    for (const path of [
      '/:x(a',
      '/:x((a+)+',
      '/a/:b?',
      '/*b',
      `/:x(${'(a|b)*'.repeat(9)})`,
      '/:',
      '/things/:id',
    ])
      t.equal((await request(`PUT ${path}`)).status, 404, path);
    t.same(log.lines, [], 'none of them was given to its compiler of regular expressions');
  });

  await t.test('a client that goes away within its body is no error of ours', async (t) => {
    log.lines.length = 0;
    events.length = 0;
    const socket = await connect();
    socket.write(
      'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );
    await sleep(50);
    socket.destroy();
    // What the parser says about the end of the connection comes last.
    while (events.length === 0) await sleep(10);
    await sleep(50);
    t.same(log.lines, [], 'strangers fill no log with what looks like failures');
  });

  await t.test('requests one after the other on one connection are answered in order', async (t) => {
    const get = 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const text = await exchange(
      `${get}GET /things/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    t.ok(text.indexOf('{"slow":true}') < text.indexOf('{"thing":1}'));
    t.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2);
  });

  await t.test('what two servers could read in two ways is refused: request smuggling', async (t) => {
    const before = served.handled;
    for (const headers of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Content-Length: 5\r\nContent-Length: 6',
      'Transfer-Encoding: chunked, identity',
      'Content-Length: 0x5',
      'X: a\nY: b',
      ' Folded: x',
    ]) {
      const answer = parseAnswer(
        await exchange(`POST /echo HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n0\r\n\r\n`),
      );
      t.equal(answer.status, 400, headers);
      t.match(JSON.parse(answer.body), { error: 'bad-request' });
      t.same(answer.headers['connection'], ['close']);
    }
    t.equal(parseAnswer(await exchange('GET / HTTP/1.1\r\n\r\n')).status, 400, 'no Host');
    t.equal(parseAnswer(await exchange('EHLO example.com\r\n')).status, 400, 'another protocol');
    t.equal(served.handled, before);
  });

  await t.test('headers without end are cut off', async (t) => {
    const answer = parseAnswer(
      await exchange(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`),
    );
    t.equal(answer.status, 431);
    t.match(JSON.parse(answer.body), { error: 'headers-too-large' });
    t.match(events.at(-1), { status: 431, error: 'headers-too-large', method: '', path: '' });
    const ticket = await request('GET /things/1', [`Authorization: Negotiate ${'A'.repeat(80_000)}`]);
    t.equal(ticket.status, 200, 'the ticket of somebody in a thousand groups fits');
  });

  await t.test('TLS 1.2 and 1.3 are spoken, with forward secrecy and AEAD alone', async (t) => {
    const handshake = async (options: object): Promise<string> => {
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        ca: webAuthority.certificate,
        servername: 'localhost',
        ...options,
      });
      t.teardown(() => void socket.destroy());
      return Promise.race([
        once(socket, 'secureConnect').then(() => `${socket.getProtocol()} ${socket.getCipher().name}`),
        once(socket, 'error').then(([error]) => `refused: ${(error as NodeJS.ErrnoException).code}`),
      ]).catch((error: NodeJS.ErrnoException) => `refused: ${error.code}`);
    };
    t.match(await handshake({}), /^TLSv1\.3 TLS_AES/);
    t.match(await handshake({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-ECDSA-.*(GCM|POLY1305)/);
    const legacy = 'DEFAULT:@SECLEVEL=0';
    t.match(await handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: legacy }), /^refused/);
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256'])
      t.match(await handshake({ maxVersion: 'TLSv1.2', ciphers }), /^refused/, ciphers);
  });
});

await t.test('who holds connections without using them', async (t) => {
  const limits = {
    handshakeTime: 300,
    headersTime: 400,
    requestTime: 600,
    idleTime: 300,
    connectionsPerAddress: 6,
    connections: 8,
  };
  const { connect, events, exchange, request } = await startWeb(t, [routes()], { limits });
  const untilClosed = async (socket: { once(event: 'close', listener: () => void): unknown }) =>
    once(socket as never, 'close');

  await t.test('says nothing, or goes slowly through the handshake, and is cut off', async (t) => {
    const silent = await connect({ tls: false });
    await untilClosed(silent);
    const dripping = await connect({ tls: false });
    dripping.on('error', () => undefined);
    // The beginning of a TLS record of 512 bytes; an idle timer would be satisfied by a byte now and then.
    dripping.write(Buffer.of(0x16, 3, 1, 2, 0));
    const drip = setInterval(() => dripping.write(Buffer.of(0)), 50);
    await untilClosed(dripping);
    clearInterval(drip);
    t.pass('both are gone');
  });

  await t.test('sends headers or a body byte by byte (slowloris), and is told so', async (t) => {
    for (const [start, piece] of [
      ['GET / HTTP/1.1\r\nHost: localhost\r\n', 'X: y\r\n'],
      [
        'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n',
        '{',
      ],
    ] as const) {
      const socket = await connect();
      const answer = readToEnd(socket);
      socket.write(start);
      const drip = setInterval(() => socket.write(piece), 50);
      const { status, body } = parseAnswer(await answer);
      clearInterval(drip);
      t.equal(status, 408);
      t.match(JSON.parse(body), { error: 'too-slow' });
    }
    t.match(events.at(-1), { status: 408 });
  });

  await t.test('waits between requests, and is closed', async (t) => {
    const text = await exchange('GET /things/1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.match(text, /200 OK/, 'it asked for nothing to be closed');
  });

  await t.test('opens many: those of one address, and all of them, have a bound', async (t) => {
    const sockets = await Promise.all(Array.from({ length: 6 }, () => connect({ tls: false })));
    const seventh = connect({ tls: false })
      .then(readToEnd)
      .catch((error: NodeJS.ErrnoException) => error.code);
    t.match(await seventh, /^(ECONNRESET)?$/, 'the seventh of an address is refused');
    t.ok(sockets.every((socket) => !socket.destroyed));
    for (const socket of sockets) socket.destroy();
    await sleep(50);
    t.equal((await request('GET /things/1')).status, 200, 'and there is room again');
  });
});

await t.test('the first byte may come alone, and the rest in pieces', async (t) => {
  const { connect } = await startWeb(t, [routes()]);
  const socket = await connect({ tls: false });
  const answer = readToEnd(socket);
  for (const piece of ['G', 'ET /x HTTP/1.1\r\nHo', 'st: localhost\r\n\r\n']) {
    socket.write(piece);
    await sleep(20);
  }
  t.equal(parseAnswer(await answer).status, 308);
});

await t.test(
  'a new certificate is shown from the next connection on, and old connections live on',
  async (t) => {
    const { web, connect } = await startWeb(t, [routes()]);
    const fingerprint = (socket: object): string =>
      (socket as { getPeerCertificate(): { fingerprint256: string } }).getPeerCertificate().fingerprint256;
    const before = await connect();
    const first = fingerprint(before);
    web.setTls(await webAuthority.issueServer(['localhost', '127.0.0.1']));
    const after = await connect();
    t.not(fingerprint(after), first);
    const answer = readToEnd(before);
    before.write('GET /things/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    t.equal(parseAnswer(await answer).status, 200);
    t.throws(() => web.setTls({ certificate: 'x', key: 'y' }));
    t.not(fingerprint(await connect()), first, 'a bad one changes nothing');
  },
);

await t.test('stopping answers what is in work, and ends what is idle', async (t) => {
  const { web, connect, port } = await startWeb(t, [routes()]);
  const idle = await connect();
  const working = await connect();
  const answer = readToEnd(working);
  working.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await sleep(50);
  const closed = web.close();
  t.equal(web.close(), closed, 'a second call waits for the first');
  const { status, headers } = parseAnswer(await answer);
  t.equal(status, 200);
  t.same(headers['connection'], ['close']);
  await closed;
  t.ok(idle.destroyed || idle.readableEnded || (await once(idle, 'close')) !== undefined);
  const late = connectTls({ host: '127.0.0.1', port });
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  t.equal(present(error).code, 'ECONNREFUSED');
});
