import t from 'tap';
import { toHex } from '../../src/base/bytes.ts';
import {
  ensureRealmPrincipals,
  KADMIN_CHANGEPW,
  krbtgtName,
  rotateKrbtgt,
  webServiceName,
} from '../../src/accounts/realm-principals.ts';
import { ensureRealmSid } from '../../src/accounts/realm-sid.ts';
import { createService, rekeyService } from '../../src/accounts/services.ts';
import {
  disableAccount,
  enableAccount,
  removeAccount,
  setExpiry,
  unlockAccount,
} from '../../src/accounts/life.ts';
import { createUser, requirePasswordChange, setPassword, setRight } from '../../src/accounts/users.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { Principal } from '../../src/realm/principal.ts';
import { present } from '../support/present.ts';
import type { Scope } from '../support/run.ts';
import { STORE_REALM, temporaryStore } from '../support/temporary-store.ts';

const HOUR = 3600;

async function realm(t: Scope) {
  const store = await temporaryStore(t);
  const clock = { now: 1_800_000_000, microseconds: () => clock.now * 1_000_000 };
  const accounts = {
    realm: STORE_REALM,
    principals: store.principals,
    crypto: nodeCrypto,
    clock,
    etypes: [20, 19, 18, 17],
    passwordLength: 8,
  };
  return { accounts, clock, settings: store.settings };
}

const kvnos = ({ keys }: Principal): number[] => [...new Set(keys.map(({ kvno }) => kvno))];
const etypes = ({ keys }: Principal): number[] => keys.map(({ key }) => key.etype);
const secrets = ({ keys }: Principal): string[] => keys.map(({ key }) => toHex(key.bytes));

await t.test('a user', async (t) => {
  const { accounts, clock } = await realm(t);

  await t.test(
    'is created with keys of every etype, which the password gives with the default salt',
    async (t) => {
      const alice = await createUser(accounts, {
        name: 'alice@REALM1.EXAMPLE',
        password: 'Grüße, 1',
        right: 'Administrator',
      });
      t.match(alice, {
        name: 'alice',
        kind: 'user',
        right: 'Administrator',
        passwordChanged: clock.now,
        disabled: false,
      });
      t.same(etypes(alice), [20, 19, 18, 17]);
      t.same(kvnos(alice), [1]);
      for (const { key, salt, created } of alice.keys) {
        t.match({ salt, created }, { salt: 'REALM1.EXAMPLEalice', created: clock.now });
        const made = await nodeCrypto.stringToKey(key.etype, 'Grüße, 1', 'REALM1.EXAMPLEalice');
        t.same(key.bytes, made.bytes, `etype ${key.etype}`);
      }
      t.same(await accounts.principals.find('alice'), alice);
    },
  );

  await t.test('gets another password than it has, where that is asked for', async (t) => {
    const { kvno } = present((await createUser(accounts, { name: 'carla', password: 'first one' })).keys[0]);
    await t.rejects(setPassword(accounts, 'carla', 'first one', { another: true }), {
      code: 'same-password',
      hint: String,
    });
    t.match(
      await setPassword(accounts, 'carla', 'first one'),
      { keys: [{ kvno: kvno + 1 }] },
      'an administrator may',
    );
    t.match(await setPassword(accounts, 'carla', 'second one', { another: true }), {
      keys: [{ kvno: kvno + 2 }],
    });
    t.match(await setPassword(accounts, 'carla', 'first one', { another: true }), {
      keys: [{ kvno: kvno + 3 }],
    });
  });

  await t.test('may expire, and may have to change the password', async (t) => {
    const user = await createUser(accounts, {
      name: 'guest',
      password: 'password',
      expires: 5,
      mustChange: true,
    });
    t.match(user, { right: undefined, expires: 5, passwordExpires: 0 });
    t.match(await setPassword(accounts, 'guest', 'password 2'), { passwordExpires: undefined, expires: 5 });
    t.match(await setPassword(accounts, 'guest', 'password 3', { mustChange: true }), { passwordExpires: 0 });
    t.match(await requirePasswordChange(accounts, 'guest', false), { passwordExpires: undefined });
    t.match(await requirePasswordChange(accounts, 'guest', true), { passwordExpires: 0 });
  });

  await t.test(
    'is refused when the name is taken or reserved, before the password is worked on',
    async (t) => {
      const untouched = {
        ...accounts,
        crypto: { ...nodeCrypto, stringToKey: () => t.fail('made a key') as never },
      };
      for (const [name, code] of [
        ['alice', 'exists'],
        ['ALICE', 'exists'],
        ['root', 'reserved-name'],
        ['', 'bad-name'],
      ] as const) {
        await t.rejects(createUser(untouched, { name, password: 'password' }), { code }, name);
      }
      await t.rejects(setPassword(untouched, 'nobody', 'password'), { code: 'not-found' });
    },
  );

  await t.test('cannot have a password that no client could send', async (t) => {
    const bad = {
      '': /is empty/,
      'a\0b': /control/,
      'line\n': /control/,
      ['ä'.repeat(512)]: /1024 bytes/,
      '\ud800': /Unicode/,
    };
    for (const [password, message] of Object.entries(bad)) {
      await t.rejects(createUser(accounts, { name: 'new', password }), {
        code: 'bad-password',
        message,
        hint: /./,
      });
      await t.rejects(setPassword(accounts, 'alice', password), { code: 'bad-password', message });
    }
    t.equal(await accounts.principals.find('new'), undefined);
  });

  await t.test('has a password of any bytes else, taken as it is', async (t) => {
    for (const password of [' '.repeat(8), 'x'.repeat(1023), 'jo\u0308rg von hier', '🔑🔑🔑🔑🔑🔑🔑🔑']) {
      const { keys } = await setPassword(accounts, 'alice', password);
      const key = present(keys[0]?.key);
      t.same(key.bytes, (await nodeCrypto.stringToKey(20, password, 'REALM1.EXAMPLEalice')).bytes);
    }
  });

  await t.test(
    'cannot have a new password that is too short, as a person counts, or that everybody tries first',
    async (t) => {
      const refused: readonly [password: string, message: RegExp][] = [
        ['x', /has one character, and at least 8 are wanted/],
        ['seven77', /has 7 characters, and at least 8/],
        ['🔑🔑🔑🔑🔑🔑🔑', /has 7 characters/],
        ['jo\u0308rgjo\u0308r', /has 7 characters/],
        ['Margarete', /name of the user/],
        ['margarete@realm1.example', /name of the user/],
        ['realm1.example\\MARGARETE', /name of the user/],
        ['Realm1.Example', /name of the user or of the realm/],
      ];
      for (const [password, message] of refused) {
        const user = { name: 'margarete', password };
        await t.rejects(createUser(accounts, user), { code: 'bad-password', message, hint: /./ }, password);
      }
      t.equal(await accounts.principals.find('margarete'), undefined);
      await createUser(accounts, { name: 'margarete', password: 'eight888' });
      for (const [password, message] of refused) {
        await t.rejects(
          setPassword(accounts, 'margarete', password),
          { code: 'bad-password', message },
          password,
        );
      }
      await setPassword(accounts, 'margarete', 'margarete1');
      const few = { ...accounts, passwordLength: 1 };
      await setPassword(few, 'margarete', 'x');
      await t.rejects(setPassword(few, 'margarete', 'realm1.EXAMPLE'), { code: 'bad-password' });
      await t.rejects(setPassword({ ...accounts, passwordLength: 128 }, 'margarete', 'x'.repeat(127)), {
        message: /127 characters, and at least 128/,
      });
    },
  );

  await t.test('gets the next kvno with a new password, and keeps no old key', async (t) => {
    const before = present(await accounts.principals.find('alice'));
    clock.now += 60;
    const after = await setPassword(accounts, 'alice', 'another one');
    t.same(kvnos(after), [present(kvnos(before)[0]) + 1]);
    t.match(after, { id: before.id, right: 'Administrator', passwordChanged: clock.now });
    t.notSame(secrets(after), secrets(before));
  });

  await t.test('whose password two change at once has the kvnos of both', async (t) => {
    const before = present(kvnos(present(await accounts.principals.find('alice')))[0]);
    const both = await Promise.all(
      ['first one', 'second one'].map((password) => setPassword(accounts, 'alice', password)),
    );
    t.same(new Set(both.flatMap(kvnos)), new Set([before + 1, before + 2]));
  });

  await t.test('can be given another right, or none', async (t) => {
    t.match(await setRight(accounts, 'alice', 'Join-Realm'), { right: 'Join-Realm' });
    t.match(await setRight(accounts, 'alice', undefined), { right: undefined });
  });
});

await t.test('a service', async (t) => {
  const { accounts, clock } = await realm(t);

  await t.test('is created with random keys, of the etypes that it speaks', async (t) => {
    const host = await createService(accounts, { name: 'host/device1.realm1.example' });
    t.match(host, { kind: 'service', right: undefined });
    t.same(etypes(host), [20, 19, 18, 17]);
    t.ok(host.keys.every(({ salt }) => salt === undefined));
    t.equal(new Set(secrets(host)).size, 4);
    t.same(etypes(await createService(accounts, { name: 'old/box', etypes: [17, 18] })), [18, 17]);
    await t.rejects(createService(accounts, { name: 'x', etypes: [3] }), { code: 'unsupported-etype' });
    await t.rejects(createService(accounts, { name: 'HOST/device1.realm1.example' }), { code: 'exists' });
  });

  await t.test('keeps older keys while tickets under them may live, and no longer', async (t) => {
    clock.now += 60;
    const second = await rekeyService(accounts, 'old/box', 10 * HOUR);
    t.same(kvnos(second), [2, 1]);
    t.same(etypes(second), [18, 17, 18, 17], 'the etypes stay those of the service');
    clock.now += 9 * HOUR;
    t.same(kvnos(await rekeyService(accounts, 'old/box', 10 * HOUR)), [3, 2, 1]);
    clock.now += HOUR + 1;
    t.same(
      kvnos(await rekeyService(accounts, 'old/box', 10 * HOUR)),
      [4, 3, 2],
      'kvno 2 came more than 10 h ago, so 1 is not needed',
    );
    clock.now += 11 * HOUR;
    t.same(kvnos(await rekeyService(accounts, 'old/box', 10 * HOUR)), [5, 4]);
  });

  await t.test('has no password, as a user has no random keys', async (t) => {
    await createUser(accounts, { name: 'alice', password: 'password' });
    await t.rejects(setPassword(accounts, 'old/box', 'password'), { code: 'wrong-kind', hint: /new keys/ });
    await t.rejects(setRight(accounts, 'old/box', 'Viewer'), { code: 'wrong-kind' });
    await t.rejects(rekeyService(accounts, 'alice', HOUR), { code: 'wrong-kind', hint: /password/ });
    await t.rejects(rekeyService(accounts, 'nobody', HOUR), { code: 'not-found' });
  });
});

await t.test("the realm's HTTPS server", async (t) => {
  const { accounts } = await realm(t);
  await createService(accounts, { name: 'HTTP/taken.example' });

  await t.test('is a service of the realm itself by each of its names, and keeps its keys', async (t) => {
    const names = ['realm1.example', '192.0.2.1', '2001:db8::1'];
    t.equal(await ensureRealmPrincipals(accounts, names), 5);
    for (const name of names) {
      const service = present(await accounts.principals.find(webServiceName(name)));
      t.match(service, { kind: 'realm', maxLife: undefined });
      t.same(etypes(service), [20, 19, 18, 17]);
      t.ok(
        service.keys.every(({ salt }) => salt === undefined),
        'its keys are random',
      );
    }
    const before = await accounts.principals.find('HTTP/realm1.example');
    t.equal(await ensureRealmPrincipals(accounts, [...names, 'new.example']), 1);
    t.same(await accounts.principals.find('HTTP/realm1.example'), before);
  });

  await t.test('takes no name of a service whose keytab somebody else may hold', async (t) => {
    await t.rejects(ensureRealmPrincipals(accounts, ['taken.example']), { code: 'wrong-kind' });
    await t.rejects(createService(accounts, { name: 'HTTP/realm1.example' }), { code: 'exists' });
    await t.rejects(rekeyService(accounts, 'HTTP/realm1.example', HOUR), { code: 'wrong-kind' });
    await t.rejects(removeAccount(accounts, 'HTTP/realm1.example'), { code: 'wrong-kind' });
  });
});

await t.test('an account', async (t) => {
  const { accounts } = await realm(t);
  await createService(accounts, { name: 'host/a' });
  await ensureRealmPrincipals(accounts);

  await t.test('can be disabled, enabled, unlocked, given an end, and removed', async (t) => {
    t.match(await disableAccount(accounts, 'host/a@REALM1.EXAMPLE'), { disabled: true });
    t.match(await enableAccount(accounts, 'host/a'), { disabled: false });
    t.match(await setExpiry(accounts, 'host/a', 1_900_000_000), { expires: 1_900_000_000 });
    t.match(await setExpiry(accounts, 'host/a', undefined), { expires: undefined });
    await accounts.principals.change('host/a', { lockedUntil: 7 });
    t.match(await unlockAccount(accounts, 'host/a'), { lockedUntil: undefined });
    await removeAccount(accounts, 'host/a');
    await t.rejects(removeAccount(accounts, 'host/a'), { code: 'not-found' });
    await t.rejects(disableAccount(accounts, 'host/a'), { code: 'not-found' });
  });

  await t.test('of the realm itself can be neither disabled nor removed', async (t) => {
    for (const name of [krbtgtName(STORE_REALM), KADMIN_CHANGEPW]) {
      await t.rejects(disableAccount(accounts, name), { code: 'wrong-kind', hint: /cannot work without it/ });
      await t.rejects(setExpiry(accounts, name, 5), { code: 'wrong-kind' });
      await t.rejects(removeAccount(accounts, name), { code: 'wrong-kind' });
      t.match(await accounts.principals.find(name), { disabled: false, expires: undefined });
    }
  });
});

await t.test('the realm itself', async (t) => {
  const { accounts, clock, settings } = await realm(t);
  const krbtgt = async () => present(await accounts.principals.find('krbtgt/REALM1.EXAMPLE'));

  await t.test('has krbtgt and kadmin/changepw, made once', async (t) => {
    t.equal(await ensureRealmPrincipals(accounts), 2);
    const made = await krbtgt();
    t.match(made, { kind: 'realm' });
    t.same(etypes(made), [20, 19, 18, 17]);
    t.match(await accounts.principals.find('kadmin/changepw'), { kind: 'realm', maxLife: 300 });
    t.equal(await ensureRealmPrincipals(accounts), 0);
    t.same(await krbtgt(), made);
  });

  await t.test('rotates krbtgt and keeps old keys as long as a ticket may need them', async (t) => {
    const first = await krbtgt();
    clock.now += 60;
    t.same(await rotateKrbtgt(accounts, 10 * HOUR), { kvno: 2, kept: [1] });
    const second = await krbtgt();
    t.same(secrets(second).slice(4), secrets(first));
    clock.now += 10 * HOUR;
    t.same(
      await rotateKrbtgt(accounts, 10 * HOUR),
      { kvno: 3, kept: [2, 1] },
      'a ticket of kvno 1 ends at this second',
    );
    clock.now += 1;
    t.same(await rotateKrbtgt(accounts, 10 * HOUR), { kvno: 4, kept: [3, 2] });
    clock.now += 24 * HOUR;
    t.same(await rotateKrbtgt(accounts, 10 * HOUR), { kvno: 5, kept: [4] });
  });

  await t.test('has a SID, made once', async (t) => {
    const sid = await ensureRealmSid(settings, nodeCrypto);
    t.match(sid, /^S-1-5-21-\d+-\d+-\d+$/);
    t.equal(await ensureRealmSid(settings, nodeCrypto), sid);
    t.equal(await settings.get('sid'), sid);
    const other = await realm(t);
    t.not(await ensureRealmSid(other.settings, nodeCrypto), sid);
  });
});
