import { createHash } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import t from 'tap';
import { toHex } from '../../src/base/bytes.ts';
import { RealmwardError } from '../../src/base/errors.ts';
import { type AuthenticatorOptions, createAuthenticate } from '../../src/http/authenticate.ts';
import { readBasic } from '../../src/http/basic.ts';
import type { Person } from '../../src/http/caller.ts';
import type { PasswordAttempt, PasswordFailure, PasswordProof } from '../../src/http/password-proof.ts';
import { callerOf } from '../../src/http/request-caller.ts';
import { createSprayLimit } from '../../src/http/spray-limit.ts';
import type { ActiveDevice } from '../../src/realm/device.ts';
import { FakeClock, REALM } from '../support/memory-realm.ts';
import { startWeb } from '../support/web.ts';
import type { Scope } from '../support/run.ts';

const ALICE: Person = {
  realm: REALM,
  name: 'alice',
  rights: { login: 'Administrator', join: false },
  groups: [],
};
const DEVICE: ActiveDevice = {
  host: 'phone1',
  rid: 2007,
  serial: undefined,
  model: undefined,
  joined: 1,
  joinedBy: 'stage@REALM1.EXAMPLE',
  joinedFrom: '127.0.0.1',
  lastSeen: undefined,
};
const FAILURES: Readonly<Record<string, PasswordFailure>> = {
  wrong: {
    result: 'refused',
    message: 'Wrong.',
    hint: 'Try.',
    reason: 'kdc-err-preauth-failed',
    detail: 'KDC 10.0.0.1 says 24',
  },
  locked: { result: 'locked', message: 'Locked.', hint: 'Wait.', reason: 'too-many-failures' },
  sprayed: { result: 'locked', message: 'Too many.', hint: 'Wait.', reason: 'too-many-from-address' },
  expired: {
    result: 'expired_password',
    message: 'Expired.',
    hint: 'Change.',
    reason: 'kdc-err-key-expired',
  },
  away: { result: 'unreachable', message: 'Away.', hint: 'Wait.', reason: 'no-answer' },
  clock: { result: 'clock', offset: 400, message: 'Clock.', hint: 'Set.', reason: 'skew' },
  realm: { result: 'realm_hint', realm: REALM, message: 'Other.', hint: 'So.', reason: 'realm-hint' },
};

async function site(t: Scope, more: Partial<AuthenticatorOptions> = {}) {
  const attempts: PasswordAttempt[] = [];
  const passwords: string[] = [];
  const seen: string[] = [];
  const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
  const authenticate = createAuthenticate({
    realm: REALM,
    clock: new FakeClock(),
    passwords: {
      async prove(attempt): Promise<PasswordProof> {
        attempts.push(attempt);
        const password = Buffer.from(attempt.password).toString();
        passwords.push(password);
        const failure = FAILURES[password];
        if (failure !== undefined) return failure;
        return { result: 'proven', person: ALICE, expires: 1, apReq: new Uint8Array(0) };
      },
    },
    ownService: async () => ({ name: 'HTTP/localhost', keys: [] }),
    negotiate: async (authorization) => {
      const token = authorization.split(' ')[1];
      if (token === 'ZGV2aWNl')
        return {
          caller: { kind: 'device', host: 'phone1', rid: 2007, how: 'negotiate' },
          header: 'Negotiate cHJvb2Y=',
        };
      if (token === 'bW9yZQ==') return { caller: undefined, header: 'Negotiate bmV4dA==', error: undefined };
      const error = new RealmwardError('ticket-expired', 'The ticket has expired.', {
        hint: 'Log in again.',
      });
      return { caller: undefined, header: 'Negotiate ZXJyb3I=', error };
    },
    devices: {
      find: async () => DEVICE,
      findByToken: async (hash) => (toHex(hash) === hashOf('device-token') ? DEVICE : undefined),
      seen: (host) => void seen.push(host),
    },
    joinTokens: { find: async (hash) => (toHex(hash) === hashOf('join-token') ? 'abc1' : undefined) },
    ...more,
  });
  let handled = 0;
  const plugin: FastifyPluginAsync = async (app) => {
    const answer = async (request: Parameters<typeof callerOf>[0]) => {
      handled++;
      return callerOf(request);
    };
    app.route({
      method: 'POST',
      url: '/join',
      onRequest: authenticate('person', 'device', 'join-token'),
      handler: answer,
    });
    app.route({ method: 'POST', url: '/login', onRequest: authenticate('device'), handler: answer });
    app.route({ method: 'POST', url: '/people', onRequest: authenticate('person'), handler: answer });
  };
  const web = await startWeb(t, [plugin]);
  const ask = async (path: string, authorization?: string) => {
    const headers = authorization === undefined ? [] : [`Authorization: ${authorization}`];
    const answer = await web.request(`POST ${path}`, headers);
    const json = JSON.parse(answer.body) as Record<string, unknown>;
    return { ...answer, json, challenges: answer.headers['www-authenticate'] ?? [] };
  };
  return { ...web, ask, attempts, passwords, seen, handled: () => handled };
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

await t.test('a request is let in as whoever it proves to come from', async (t) => {
  const { ask, attempts, passwords, seen, events } = await site(t);

  t.same((await ask('/join', basic('alice:pass:word'))).json, {
    kind: 'person',
    person: ALICE,
    how: 'basic',
  });
  t.match(attempts, [{ user: 'alice', address: '127.0.0.1', service: { name: 'HTTP/localhost' } }]);
  t.same(passwords, ['pass:word'], 'a password may hold colons');
  t.ok(
    attempts[0]?.password.every((byte) => byte === 0),
    'and is wiped',
  );
  t.match(events.at(-1), { caller: 'alice@REALM1.EXAMPLE', status: 200 });

  t.same((await ask('/login', 'Bearer device-token')).json, {
    kind: 'device',
    host: 'phone1',
    rid: 2007,
    how: 'bearer',
  });
  t.same((await ask('/join', 'bearer join-token')).json, { kind: 'join-token', id: 'abc1' });
  t.equal(events.at(-1)?.caller, 'token abc1');
  const negotiated = await ask('/login', 'Negotiate ZGV2aWNl');
  t.same(negotiated.json, { kind: 'device', host: 'phone1', rid: 2007, how: 'negotiate' });
  t.same(
    negotiated.challenges,
    ['Negotiate cHJvb2Y='],
    'the proof that we are the server goes with the answer',
  );
  t.same(seen, ['phone1', 'phone1'], 'it is noted that the device was here');
});

await t.test('who proves nothing is told how to, by the schemes of the path', async (t) => {
  const { ask, handled, attempts } = await site(t);
  const all = ['Negotiate', 'Bearer realm="REALM1.EXAMPLE"', 'Basic realm="REALM1.EXAMPLE", charset="UTF-8"'];
  for (const [path, challenges] of [
    ['/join', all],
    ['/login', all.slice(0, 2)],
    ['/people', [all[0], all[2]]],
  ] as const) {
    const answer = await ask(path);
    t.equal(answer.status, 401);
    t.match(answer.json, { error: 'unauthenticated' });
    t.same(answer.challenges, challenges, path);
  }
  t.match(
    await ask('/login', basic('alice:x')),
    { status: 401, json: { error: 'unauthenticated' } },
    'Basic is not for devices',
  );
  t.match(await ask('/join', 'Digest username="alice"'), { status: 401, json: { error: 'unauthenticated' } });
  const continued = await ask('/login', 'Negotiate bW9yZQ==');
  t.match(continued, { status: 401, json: { error: 'negotiation-continues' } });
  t.same(continued.challenges, ['Negotiate bmV4dA==', all[1]]);
  const refused = await ask('/join', 'Negotiate eA==');
  t.match(refused, { status: 401, json: { error: 'ticket-expired', hint: 'Log in again.' } });
  t.same(refused.challenges, ['Negotiate ZXJyb3I=', all[1], all[2]]);
  t.equal(attempts.length, 0);
  t.equal(handled(), 0, 'and nothing is done');
});

await t.test(
  'credentials that prove nobody are refused in the same words, whatever is wrong with them',
  async (t) => {
    const { ask } = await site(t);
    const answers = await Promise.all(
      [
        'Bearer unknown',
        'Bearer',
        'Bearer a b',
        `Bearer ${'a'.repeat(600)}`,
        'Bearer ümlaut',
        'Basic',
        'Basic !!!!',
        basic('alice'),
        basic(':x'),
        basic('al\nice:x'),
        basic('alice:x\u0001'),
      ].map((authorization) => ask('/join', authorization)),
    );
    t.equal(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size, 1);
    t.match(answers[0], { status: 401, json: { error: 'refused' } });
  },
);

await t.test('what came of a password decides about the status', async (t) => {
  const { ask, events } = await site(t);
  for (const [password, status, error] of [
    ['wrong', 401, 'refused'],
    ['realm', 401, 'realm_hint'],
    ['locked', 403, 'locked'],
    ['expired', 403, 'expired_password'],
    ['clock', 403, 'clock'],
    ['away', 503, 'unreachable'],
    ['sprayed', 429, 'too-many-failures'],
  ] as const) {
    const answer = await ask('/join', basic(`alice:${password}`));
    t.match(answer, {
      status,
      json: { error, message: FAILURES[password]?.message, hint: FAILURES[password]?.hint },
    });
    t.equal(
      answer.challenges.length > 0,
      status === 401,
      'only where other credentials could help are they asked for',
    );
    t.equal(answer.headers['retry-after'] !== undefined, status === 503 || status === 429);
  }
  const wrong = events.find(({ error }) => error === 'refused');
  t.match(
    wrong,
    { reason: 'kdc-err-preauth-failed', detail: 'KDC 10.0.0.1 says 24' },
    'the log says more than the client is told',
  );
});

await t.test('somebody of another kind than the path takes is refused', async (t) => {
  const { ask, handled } = await site(t);
  t.match(await ask('/login', 'Bearer join-token'), {
    status: 403,
    json: { error: 'wrong-caller', message: /devices that have joined/ },
  });
  t.match(await ask('/people', 'Negotiate ZGV2aWNl'), { status: 403, json: { error: 'wrong-caller' } });
  t.equal(handled(), 0);
});

await t.test('an address that guesses passwords has to wait, even with the right one', async (t) => {
  const { ask, attempts } = await site(t);
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask('/join', basic('alice:wrong'))));
  t.ok(
    attempts.length >= 20 && attempts.length < 40,
    `${attempts.length} of 60 that came at once were tried`,
  );
  t.ok(answers.every(({ status }) => status === 401 || status === 429));
  const before = attempts.length;
  const right = await ask('/join', basic('alice:right'));
  t.match(right, { status: 429, json: { error: 'too-many-failures' } });
  const wait = Number(right.headers['retry-after']?.[0]);
  t.ok(wait > 0 && wait <= 300, `wait ${wait} seconds`);
  t.equal(attempts.length, before, 'it was not tried');
  t.equal((await ask('/join', 'Bearer device-token')).status, 200, 'devices behind that address work on');
});

await t.test('three hundred logins at once from one address all come through', async (t) => {
  const { ask } = await site(t, {
    passwords: {
      async prove() {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { result: 'proven', person: ALICE, expires: 1, apReq: new Uint8Array(0) };
      },
    },
  });
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask('/join', basic('stage:x'))));
  t.equal(answers.filter(({ status }) => status === 200).length, 300);
});

await t.test('Basic credentials are read as RFC 7617 has them', async (t) => {
  const read = (text: string | Uint8Array) => {
    const found = readBasic(Buffer.from(text).toString('base64'));
    return found && { user: found.user, password: Buffer.from(found.password).toString() };
  };
  t.same(read('Aladdin:open sesame'), { user: 'Aladdin', password: 'open sesame' });
  t.same(read('AD.EXAMPLE\\müller:Grüße: 1'), { user: 'AD.EXAMPLE\\müller', password: 'Grüße: 1' });
  t.same(read('alice:'), { user: 'alice', password: '' });
  t.equal(read(Uint8Array.of(0xff, 0x3a, 0x61)), undefined, 'a name that is not UTF-8');
});

await t.test('addresses of one IPv6 /64 count as one', async (t) => {
  const limit = createSprayLimit({ maxFailures: 2, window: 60 });
  await limit.failed('2001:db8:0:1::1');
  t.equal(await limit.blocked('2001:db8:0:1::1'), undefined);
  await limit.failed('2001:db8:0:1:ffff::2');
  t.ok(await limit.blocked('2001:db8:0:1::3'), 'another address of the same /64');
  t.equal(await limit.blocked('2001:db8:0:2::1'), undefined);
});
