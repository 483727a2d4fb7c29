import Fastify from 'fastify';
import t from 'tap';
import type { DeviceAccounts } from '../../src/accounts/devices.ts';
import { createJoinToken } from '../../src/accounts/join-tokens.ts';
import { createService } from '../../src/accounts/services.ts';
import { toHex } from '../../src/base/bytes.ts';
import { readKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { sendError } from '../../src/http/answer.ts';
import type { Caller, Person } from '../../src/http/caller.ts';
import type { JoinAnswerBody } from '../../src/join/answer.ts';
import { type JoinEvent, joinRoutes } from '../../src/join/routes.ts';
import { formatName } from '../../src/realm/name.ts';
import { present } from '../support/present.ts';
import type { Scope } from '../support/run.ts';
import { STORE_REALM, temporaryStore } from '../support/temporary-store.ts';

const person = (name: string, rights: Partial<Person['rights']>, realm = STORE_REALM): Caller => ({
  kind: 'person',
  how: 'basic',
  person: { realm, name, rights: { login: undefined, join: false, ...rights }, groups: [] },
});
const STAGE = person('stage', { join: true });
const ADMIN = person('alice', { login: 'Administrator' });
const SERVERS = {
  kdc: ['192.0.2.1:88'],
  kpasswd: ['192.0.2.1:464'],
  https: ['https://realm.example'],
  kdcProxy: ['https://realm.example/KdcProxy'],
};

async function server(t: Scope) {
  const clock = { now: 1_800_000_000, microseconds: () => clock.now * 1_000_000 };
  const store = await temporaryStore(t, { clock });
  const accounts: DeviceAccounts = {
    realm: STORE_REALM,
    principals: store.principals,
    devices: store.devices,
    crypto: nodeCrypto,
    clock,
    etypes: [20, 19, 18, 17],
    passwordLength: 8,
    reservedHosts: ['realm.example'],
    maxTicketLife: 36_000,
  };
  const events: JoinEvent[] = [];
  const app = Fastify();
  let caller: Caller = STAGE;
  app.decorateRequest('caller', undefined);
  app.setErrorHandler((error, _request, reply) => void sendError(error, reply));
  await app.register(
    joinRoutes({
      accounts,
      authenticate: async (request) => {
        request.caller = caller;
      },
      servers: () => SERVERS,
      ca: () => 'PEM',
      observe: (event) => events.push(event),
    }),
  );
  t.teardown(() => app.close());
  const post = async (by: Caller, payload: object | string, headers: Record<string, string> = {}) => {
    caller = by;
    const response = await app.inject({
      method: 'POST',
      url: '/v1/join',
      headers: { 'content-type': 'application/json', ...headers },
      payload,
      remoteAddress: '::ffff:192.0.2.7',
    });
    const body = response.json<JoinAnswerBody & { error?: string; message: string; hint: string }>();
    return { status: response.statusCode, headers: response.headers, body, text: response.body };
  };
  return { post, events, store, accounts, clock };
}

await t.test('POST /v1/join', async (t) => {
  const { post, events, store, accounts } = await server(t);

  await t.test('answers with everything that a device needs to take part', async (t) => {
    const { status, body } = await post(STAGE, { serial: 'SN-0001', model: 'phone', http: true });
    const { keytab, token, ...rest } = body;
    t.equal(status, 200);
    t.same(rest, {
      realm: STORE_REALM,
      device: {
        host: 'sn-0001',
        principals: ['host/sn-0001@REALM1.EXAMPLE', 'HTTP/sn-0001@REALM1.EXAMPLE'],
        kvno: 1,
        serial: 'SN-0001',
        model: 'phone',
        joined: '2027-01-15T08:00:00Z',
        joinedBy: 'stage@REALM1.EXAMPLE',
        joinedFrom: '192.0.2.7',
      },
      servers: SERVERS,
      ca: 'PEM',
      time: '2027-01-15T08:00:00Z',
      repeated: false,
    });
    const entries = readKeytab(Buffer.from(keytab, 'base64'));
    t.equal(entries.length, 8);
    for (const name of ['host/sn-0001', 'HTTP/sn-0001']) {
      const principal = await store.principals.find(name);
      t.same(
        entries
          .filter((entry) => formatName(entry.name.nameString) === name)
          .map(({ realm, kvno, key }) => [realm, kvno, key.etype, toHex(key.bytes)]),
        principal?.keys.map(({ kvno, key }) => [STORE_REALM, kvno, key.etype, toHex(key.bytes)]),
      );
    }
    t.match(token, /^rwd_[\w-]{43}$/);
    t.same(events.at(-1), {
      outcome: 'joined',
      host: 'sn-0001',
      by: 'stage@REALM1.EXAMPLE',
      address: '192.0.2.7',
      kvno: 1,
      reason: undefined,
      detail: undefined,
    });
  });

  await t.test(
    'is for Administrators, Join-Realm accounts of any trusted realm, and join tokens',
    async (t) => {
      const { joinToken } = await createJoinToken(
        { ...accounts, joinTokens: store.joinTokens },
        { uses: 1, ttl: 60 },
      );
      const may: [string, Caller][] = [
        ['alice@REALM1.EXAMPLE', ADMIN],
        ['adele@AD.EXAMPLE', person('adele', { join: true }, 'AD.EXAMPLE')],
        ['both@REALM1.EXAMPLE', person('both', { login: 'Viewer', join: true })],
        [`token ${joinToken.id}`, { kind: 'join-token', id: joinToken.id }],
      ];
      for (const [index, [name, caller]] of may.entries())
        t.match(await post(caller, { host: `may${index}` }), {
          status: 200,
          body: { device: { joinedBy: name } },
        });
      const mayNot: Caller[] = [person('bob', { login: 'Viewer' }), person('nobody', {})];
      for (const caller of mayNot) {
        t.match(await post(caller, { host: 'not1' }), { status: 403, body: { error: 'may-not-join' } });
        t.match(events.at(-1), { outcome: 'refused', reason: 'may-not-join' });
      }
      t.match(await post({ kind: 'device', host: 'may0', rid: 2000, how: 'bearer' }, { host: 'not1' }), {
        status: 403,
        body: { error: 'not-its-own-name' },
      });
      t.match(await post({ kind: 'join-token', id: joinToken.id }, { host: 'not1' }), {
        status: 403,
        body: { error: 'join-token-used' },
      });
      t.equal(await store.principals.find('host/not1'), undefined);
    },
  );

  await t.test(
    'gives a device that asks for it new keys, and nobody else but an Administrator',
    async (t) => {
      const rid = present(await store.principals.find('host/sn-0001')).rid;
      const itself: Caller = { kind: 'device', host: 'sn-0001', rid, how: 'negotiate' };
      t.match(await post(itself, {}), {
        status: 200,
        body: { device: { kvno: 2, principals: { length: 2 } } },
      });
      t.match(events.at(-1), { outcome: 'again', by: 'host/sn-0001' });
      const taken = await post(STAGE, { host: 'SN-0001' });
      t.match(taken, {
        status: 409,
        body: { error: 'already-joined', message: /has joined already\.$/, hint: /Administrator/ },
      });
      t.match(await post(ADMIN, { host: 'sn-0001' }), { status: 200, body: { device: { kvno: 3 } } });
      t.match(await post(itself, {}), { status: 403, body: { error: 'device-gone' } }, 'it was replaced');
      t.match(await post({ kind: 'device', host: 'gone', rid, how: 'bearer' }, {}), {
        status: 403,
        body: { error: 'device-gone' },
      });
    },
  );

  await t.test('takes the device’s own keys, and etypes by name', async (t) => {
    const key = nodeCrypto.randomBytes(32);
    const own = { host: 'own', keys: [{ etype: 'aes256-sha1', key: Buffer.from(key).toString('base64') }] };
    const { body } = await post(STAGE, own);
    t.same(
      readKeytab(Buffer.from(body.keytab, 'base64')).map((entry) => toHex(entry.key.bytes)),
      [toHex(key)],
    );
    const { body: two } = await post(STAGE, { host: 'two', etypes: ['aes128-cts-hmac-sha1-96'] });
    t.same(
      readKeytab(Buffer.from(two.keytab, 'base64')).map((entry) => entry.key.etype),
      [17],
    );
  });

  await t.test('answers a request that is sent again with the same answer', async (t) => {
    const first = await post(STAGE, { host: 'once', requestId: 'a-1' });
    const again = await post(STAGE, { host: 'once' }, { 'idempotency-key': 'a-1' });
    t.same(again.body, { ...first.body, repeated: true });
    t.match(events.at(-1), { outcome: 'repeated' });
    t.match(await post(STAGE, { host: 'once', serial: '7', requestId: 'a-1' }), {
      status: 409,
      body: { error: 'request-id-reused' },
    });
    t.match(await post(STAGE, { host: 'x', requestId: 'a' }, { 'idempotency-key': 'b' }), { status: 400 });
    t.match(await post(STAGE, { host: 'x' }, { 'idempotency-key': 'a b' }), { status: 400 });
  });

  await t.test('says what is wrong with a body, and never shows it', async (t) => {
    await createService(accounts, { name: 'host/service1' });
    const secret = 'c2VjcmV0LXNlY3JldA==';
    const cases: [object | string, number, string][] = [
      ['{', 400, 'bad-json'],
      ['[]', 400, 'bad-request'],
      ['"x"', 400, 'bad-request'],
      [{}, 400, 'bad-request'],
      [{ host: 7 }, 400, 'bad-request'],
      [{ host: 'x', password: secret }, 400, 'bad-request'],
      [{ host: 'x', serial: '' }, 400, 'bad-request'],
      [{ host: 'x', serial: 'a\u202Eb' }, 400, 'bad-request'],
      [{ host: 'x', model: 'm'.repeat(129) }, 400, 'bad-request'],
      [{ host: 'x', etypes: [] }, 400, 'bad-request'],
      [{ host: 'x', etypes: ['rot13'] }, 400, 'unknown-etype'],
      [{ host: 'x', etypes: ['arcfour-hmac'] }, 400, 'unsupported-etype'],
      [{ host: 'x', http: 'yes' }, 400, 'bad-request'],
      [{ host: 'x', keys: [{ etype: 'aes256-sha1', key: secret }] }, 400, 'bad-keys'],
      [{ host: 'x', keys: [{ etype: 'aes256-sha1', key: `${secret}!` }] }, 400, 'bad-request'],
      [{ host: 'x', requestId: 'a b' }, 400, 'bad-request'],
      [{ host: 'x'.repeat(254) }, 400, 'bad-request'],
      [{ host: 'x y' }, 400, 'bad-host'],
      [{ host: '192.0.2.1' }, 400, 'bad-host'],
      [{ host: 'Realm.Example' }, 403, 'reserved-name'],
      [{ host: 'service1' }, 409, 'exists'],
      [JSON.stringify({ host: 'x', model: ' '.repeat(20_000) }), 413, 'too-large'],
    ];
    for (const [payload, status, error] of cases) {
      const got = await post(STAGE, payload);
      t.match(
        got,
        { status, body: { error, message: /\.$|:/, hint: String } },
        JSON.stringify(payload).slice(0, 60),
      );
      t.notMatch(got.text, 'c2VjcmV0');
    }
    t.equal(await store.principals.find('host/x'), undefined);
  });

  await t.test('lets nobody in who is not proven, before the body is looked at', async (t) => {
    const app = Fastify();
    t.teardown(() => app.close());
    let parsed = false;
    app.addContentTypeParser('application/json', async () => {
      parsed = true;
      return {};
    });
    await app.register(
      joinRoutes({
        accounts,
        authenticate: async () => {
          throw Object.assign(new Error('who?'), { statusCode: 401 });
        },
        servers: () => SERVERS,
        ca: () => undefined,
        observe: () => {},
      }),
    );
    const { statusCode } = await app.inject({ method: 'POST', url: '/v1/join', payload: { host: 'x' } });
    t.equal(statusCode, 401);
    t.notOk(parsed);
  });
});
