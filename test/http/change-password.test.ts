import t from 'tap';
import { createUser } from '../../src/accounts/users.ts';
import { ClientError } from '../../src/client/index.ts';
import { createKeyGate } from '../../src/http/account-client.ts';
import { createAttemptGuard } from '../../src/http/attempt-guard.ts';
import { createPasswordChanger } from '../../src/http/change-password.ts';
import { createGate } from '../../src/http/gate.ts';
import type { PasswordChanged } from '../../src/http/password-proof.ts';
import { AD_REALM } from '../support/foreign-tickets.ts';
import { REALM } from '../support/memory-realm.ts';
import { passwordRealm } from '../support/password-realm.ts';
import { FakeTimer } from '../support/proving.ts';

const [OLD, NEW] = ['Bob.pass1', 'Bob.pass2'];

await t.test('changing a password', async (t) => {
  const realm = await passwordRealm(t);
  await createUser(realm.accounts, { name: 'bob', right: 'Viewer', password: OLD });
  const guard = createAttemptGuard({
    realms: () => [
      { realm: REALM, aliases: [], instances: true, limit: undefined },
      { realm: AD_REALM, aliases: ['AD'], instances: false, limit: { maxFailures: 3, window: 1800 } },
    ],
    attempts: realm.store.attempts,
    addressLimit: { maxFailures: 4, window: 600 },
    clock: realm.clock,
    timer: new FakeTimer(),
  });
  let { context } = realm;
  const changer = createPasswordChanger({
    guard,
    keys: createKeyGate(),
    realm: REALM,
    client: () => context,
  });
  const change = (password: string, newPassword: string, user = 'bob'): Promise<PasswordChanged> => {
    const [old, next] = [password, newPassword].map((text) => new TextEncoder().encode(text));
    if (old === undefined || next === undefined) throw new Error('no passwords');
    return changer.change({ user, password: old, newPassword: next, address: '192.0.2.1' });
  };

  await t.test('takes the old one and the new one', async (t) => {
    t.same(await change(OLD, NEW), { result: 'changed' });
    t.match(await change(NEW, 'Bob.pass3'), { result: 'changed' });
  });

  await t.test('works, too, when the old one has expired', async (t) => {
    await realm.store.principals.change('bob', { passwordExpires: 0 });
    t.match(await change('Bob.pass3', 'Bob.pass4'), { result: 'changed' });
  });

  await t.test(
    'is rejected with the words of the password server, which is no failure of the old one',
    async (t) => {
      const rejected = await change('Bob.pass4', 'short');
      const message = /has 5 characters, and at least 8 are wanted/;
      t.match(rejected, { result: 'rejected', reason: 'kpasswd-softerror', message, hint: /./ });
      t.match(await change('Bob.pass4', 'Bob.pass5'), { result: 'changed' });
    },
  );

  await t.test('a realm in other letter case gets its hint, and nothing is sent', async (t) => {
    const before = realm.events.length;
    t.match(await change('Bob.pass5', NEW, `${REALM.toLowerCase()}\\bob`), {
      result: 'realm_hint',
      realm: REALM,
    });
    t.equal(realm.events.length, before);
  });

  await t.test('wrong old ones count as failed logins do', async (t) => {
    for (let i = 0; i < 4; i++) t.match(await change('wrong', NEW), { result: 'refused' });
    t.match(await change('Bob.pass5', NEW), { result: 'locked', reason: 'too-many-from-address' });
  });

  await t.test('at a trusted realm that does not answer: unreachable', async (t) => {
    context = { ...context, send: () => Promise.reject(new ClientError('no-answer')) };
    const attempt = { user: `${AD_REALM}\\carol`, address: '192.0.2.2' };
    const bytes = new TextEncoder().encode(OLD);
    t.match(await changer.change({ ...attempt, password: bytes, newPassword: bytes }), {
      result: 'unreachable',
    });
  });
});

await t.test('a gate', async (t) => {
  await t.test('lets in so many, has so many wait, and sends away the rest', async (t) => {
    const gate = createGate({ concurrency: 2, queue: 1 });
    const ends: (() => void)[] = [];
    const order: number[] = [];
    const work = (name: number) => () => {
      order.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    };
    const three = [1, 2, 3].map((name) => gate.run(work(name)));
    await t.rejects(gate.run(work(4)), { code: 'busy' });
    t.same(order, [1, 2]);
    ends[0]?.();
    await three[0];
    t.same(order, [1, 2, 3]);
    for (const end of ends) end();
    await Promise.all(three);
    t.ok(gate.idle);
  });

  await t.test('who does not wait any longer takes no place', async (t) => {
    const gate = createGate({ concurrency: 1, queue: 1 });
    const first = Promise.withResolvers<void>();
    const running = gate.run(() => first.promise);
    const gone = new AbortController();
    const waiting = gate.run(() => t.fail('it ran') as never, gone.signal);
    gone.abort(new Error('gone'));
    await t.rejects(waiting, { message: 'gone' });
    const next = gate.run(async () => 'ran');
    first.resolve();
    await running;
    t.equal(await next, 'ran');
    await t.rejects(
      gate.run(async () => 'ran', gone.signal),
      { message: 'gone' },
    );
    t.ok(gate.idle);
  });

  await t.test('goes on when work fails', async (t) => {
    const gate = createGate({ concurrency: 1, queue: 1 });
    await t.rejects(
      gate.run(() => Promise.reject(new Error('no'))),
      { message: 'no' },
    );
    t.equal(await gate.run(async () => 'yes'), 'yes');
  });
});
