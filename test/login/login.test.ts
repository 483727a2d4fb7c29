import t from 'tap';
import { verifyApReq } from '../../src/ap/verify-ap-req.ts';
import { ClientError } from '../../src/client/index.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { AD_REALM } from '../support/foreign-tickets.ts';
import { startLoginApp } from '../support/login-app.ts';
import { REALM } from '../support/memory-realm.ts';
import { PASSWORD } from '../support/two-realms.ts';

const BOB = 'Bob.pass1';

await t.test('POST /v1/login', async (t) => {
  const login = await startLoginApp(t);
  const { post, proving, events } = login;
  const { ours, theirs } = proving.realms;
  const logIn = (user: string, password: string) => post('/v1/login', { user, password });

  await t.test(
    '200 granted: who it is, the right, and a ticket that the device opens with its own key',
    async (t) => {
      const answer = await logIn('bob', BOB);
      t.equal(answer.statusCode, 200);
      const body = answer.json<{ ticket: string; expires: string }>();
      t.match(body, {
        result: 'granted',
        principal: `bob@${REALM}`,
        realm: REALM,
        right: 'Administrator',
        expires: new Date((ours.clock.seconds + 36_000) * 1000).toISOString().replace('.000Z', 'Z'),
        groups: undefined,
      });
      const name = { nameType: 2, nameString: ['host', 'phone1'] };
      const { client } = verifyApReq(
        {
          crypto: nodeCrypto,
          clock: ours.clock,
          replays: undefined,
          keys: () => proving.service('host/phone1').keys.map((one) => ({ ...one, realm: REALM, name })),
        },
        Buffer.from(body.ticket, 'base64'),
      );
      t.match(client, { realm: REALM, name: { nameString: ['bob'] } });
      t.match(events.at(-1), {
        action: 'login',
        result: 'granted',
        device: 'phone1',
        user: `bob@${REALM}`,
        right: 'Administrator',
        address: '127.0.0.1',
      });
    },
  );

  await t.test('200 granted to users of a trusted realm, with the groups that gave the right', async (t) => {
    const answer = await logIn(`${AD_REALM}\\alice`, PASSWORD);
    t.equal(answer.statusCode, 200);
    const { groups } = answer.json<{ groups: string[] }>();
    t.match(answer.json(), { principal: `alice@${AD_REALM}`, right: 'Administrator' });
    t.ok(groups.some((sid) => sid.endsWith('-1001')));
  });

  await t.test('403 no_right, with the groups that were received', async (t) => {
    const answer = await logIn(`mallory@${AD_REALM}`, PASSWORD);
    t.equal(answer.statusCode, 403);
    t.match(answer.json(), { result: 'no_right', principal: `mallory@${AD_REALM}`, realm: AD_REALM });
    t.ok(answer.json<{ groups: string[] }>().groups.length > 0);
    t.match(events.at(-1), { result: 'no_right', reason: 'no-right', groups: /^S-1-5-21/ });
    await ours.addUser('stage', 'Stage.pass1', { right: 'Join-Realm' });
    const stage = await logIn('stage', 'Stage.pass1');
    t.match(stage.json(), { result: 'no_right', principal: `stage@${REALM}` }, 'Join-Realm is no login');
    t.equal(stage.statusCode, 403);
  });

  await t.test('403 refused, and nothing that is for the log alone', async (t) => {
    const answer = await logIn('bob', 'wrong');
    t.equal(answer.statusCode, 403);
    t.strictSame(Object.keys(answer.json<object>()), ['result', 'message', 'hint']);
    t.match(answer.json(), { result: 'refused' });
    t.strictSame((await logIn('nobody', 'wrong')).json(), answer.json(), 'as for a name that does not exist');
    t.match(events.at(-1), { result: 'refused', reason: 'kdc-err-preauth-failed', user: 'nobody' });
  });

  await t.test('403 locked, expired_password, clock and realm_hint, 503 unreachable', async (t) => {
    await ours.addUser('old', 'Old.pass1', { passwordExpires: 1 });
    await ours.addUser('gone', 'Gone.pass1', { disabled: true });
    const status = async (user: string, password: string, expected: object): Promise<number> => {
      const answer = await logIn(user, password);
      t.match(answer.json(), { ...expected, message: String, hint: String });
      return answer.statusCode;
    };
    t.equal(await status('old', 'Old.pass1', { result: 'expired_password' }), 403);
    t.equal(await status('gone', 'Gone.pass1', { result: 'locked' }), 403);
    t.equal(await status('AD\\carol', PASSWORD, { result: 'realm_hint', realm: AD_REALM }), 403);
    theirs.clock.advance(700);
    t.equal(await status(`${AD_REALM}\\carol`, PASSWORD, { result: 'clock', offset: 700 }), 403);
    theirs.clock.advance(-700);
    proving.realms.answer = () => {
      throw new ClientError('no-answer');
    };
    t.equal(await status(`${AD_REALM}\\carol`, PASSWORD, { result: 'unreachable' }), 503);
    proving.realms.answer = (bytes) => bytes;
  });

  await t.test('is for devices alone, and they are asked for before a body is read', async (t) => {
    const answer = await login.app.inject({
      method: 'POST',
      url: '/v1/login',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    t.equal(answer.statusCode, 401);
    t.match(answer.json(), { error: 'unauthenticated' });
  });

  await t.test('a device that has left in the meantime gets no login, and nobody is asked', async (t) => {
    const asked = proving.realms.asked.length;
    const answer = await post('/v1/login', { user: 'bob', password: BOB }, 'phone9');
    t.equal(answer.statusCode, 503);
    t.equal(proving.realms.asked.length, asked);
  });

  await t.test('passwords with any character that JSON can write', async (t) => {
    for (const [i, password] of ['Grüße "\\/ 1', 'a\u{1d11e}b', 'tab\tnew\nline', '\u0001'].entries()) {
      await ours.addUser(`user${i}`, password, { right: 'Viewer' });
      t.match((await logIn(`user${i}`, password)).json(), { result: 'granted' });
      const escaped = Array.from(
        { length: password.length },
        (_, at) => `\\u${password.charCodeAt(at).toString(16).padStart(4, '0')}`,
      ).join('');
      const answer = await post('/v1/login', `{"pass\\u0077ord":"${escaped}","user":"user${i}"}`);
      t.match(answer.json(), { result: 'granted' }, 'escaped or not');
    }
  });

  await t.test(
    'bad bodies are answered with what is wrong with them, and never with what stands in them',
    async (t) => {
      const bodies: readonly [string, string][] = [
        ['', 'bad-json'],
        ['{', 'bad-json'],
        ['[]', 'bad-json'],
        ['"Secret.pass1"', 'bad-json'],
        ['{"user":"bob","password":"Secret.pass1"', 'bad-json'],
        ['{"user":"bob","password":"Secret.pass1"}}', 'bad-json'],
        ['{"user":"bob","password":"Secret.pass1",}', 'bad-json'],
        ['{"user":"bob","password":"Secret.pass1" x}', 'bad-json'],
        ['{"user":"bob","password":"Secret.pass1","password":"x"}', 'bad-json'],
        ['{"user":"bob","user":"eve","password":"Secret.pass1"}', 'bad-json'],
        ['{"user":"bob","password":"\\ud800"}', 'bad-json'],
        ['{"user":"bob","password":"\\x"}', 'bad-json'],
        ['{"user":"bob","password":"line\nbreak"}', 'bad-json'],
        ['{"user":"bob"}', 'bad-request'],
        ['{"user":"bob","password":7}', 'bad-request'],
        ['{"user":["bob"],"password":"Secret.pass1"}', 'bad-request'],
        ['{"user":"bob","password":"Secret.pass1","more":{"password":"Secret.pass1"}}', 'bad-request'],
      ];
      for (const [body, error] of bodies) {
        const answer = await post('/v1/login', body);
        t.equal(answer.statusCode, 400, body);
        t.match(answer.json(), { error });
        t.notMatch(answer.body, /Secret/);
      }
      const long = await post('/v1/login', { user: 'bob', password: 'x'.repeat(20_000) });
      t.equal(long.statusCode, 413);
      const form = await login.app.inject({
        method: 'POST',
        url: '/v1/login',
        headers: { 'x-device': 'phone1', 'content-type': 'application/x-www-form-urlencoded' },
        body: 'user=bob&password=Secret.pass1',
      });
      t.equal(form.statusCode, 415);
    },
  );

  t.notMatch(JSON.stringify(events), /pass1|Correct\.Horse|wrong"/, 'no event holds a password');
});

await t.test('POST /v1/login/password', async (t) => {
  const login = await startLoginApp(t);
  const change = (fields: object) =>
    login.post('/v1/login/password', { user: 'bob', password: BOB, newPassword: 'New.pass1', ...fields });

  await t.test('200 changed', async (t) => {
    const answer = await change({});
    t.equal(answer.statusCode, 200);
    t.same(answer.json(), { result: 'changed' });
    t.match((await login.post('/v1/login', { user: 'bob', password: 'New.pass1' })).json(), {
      result: 'granted',
    });
    t.match(login.events[0], { action: 'change', result: 'changed', device: 'phone1', user: 'bob' });
  });

  await t.test(
    '403 rejected says what is wrong with the new one; other results are those of a login',
    async (t) => {
      login.changes = async () => ({
        result: 'rejected',
        reason: 'kpasswd-softerror',
        message: 'It is too short.',
        hint: 'Take a longer one.',
        detail: 'for the log',
      });
      const rejected = await change({});
      t.equal(rejected.statusCode, 403);
      t.strictSame(rejected.json(), {
        result: 'rejected',
        message: 'It is too short.',
        hint: 'Take a longer one.',
      });
      login.changes = async () => ({ result: 'unreachable', reason: 'no-answer', message: 'm', hint: 'h' });
      t.equal((await change({})).statusCode, 503);
    },
  );

  await t.test('both passwords are wiped when it is over', (t) => {
    for (const { password, newPassword } of login.changed)
      t.ok([...password, ...newPassword].every((byte) => byte === 0));
    t.equal(login.changed.length, 3);
    t.end();
  });
});
