import t from 'tap';
import { accountName } from '../../src/realm/account-name.ts';
import { defaultSalt, foldName } from '../../src/realm/name.ts';

const REALM = 'REALM1.EXAMPLE';

await t.test('the name of a new account', async (t) => {
  await t.test('is canonical, whatever way it was typed', async (t) => {
    t.equal(accountName('alice', 'user', REALM), 'alice');
    t.equal(accountName('alice@REALM1.EXAMPLE', 'user', REALM), 'alice');
    t.equal(accountName('host/device1.example', 'service', REALM), 'host/device1.example');
    t.equal(accountName('jo\u0308rg', 'user', REALM), 'j\u00f6rg', 'NFC');
    t.equal(accountName('carol\\@corp.example', 'user', REALM), 'carol\\@corp.example');
    t.equal(accountName('Anna Maria', 'user', REALM), 'Anna Maria');
  });

  await t.test('is refused when it belongs to the realm itself (CVE-2018-5729, CVE-2025-4404)', async (t) => {
    for (const name of [
      'krbtgt/OTHER',
      'krbtgt',
      'KrbTgt/x',
      'kadmin/admin',
      'KADMIN',
      'root',
      'Root/x',
      'ｒｏｏｔ',
    ]) {
      for (const kind of ['user', 'service'] as const) {
        t.throws(() => accountName(name, kind, REALM), { code: 'reserved-name', hint: /another name/ }, name);
      }
    }
    t.equal(accountName('rooter', 'user', REALM), 'rooter');
    t.equal(accountName('host/root', 'service', REALM), 'host/root');
  });

  await t.test(
    'may be krbtgt/… and kadmin/… for the realm itself, spelled so, and nothing else',
    async (t) => {
      t.equal(accountName('krbtgt/REALM1.EXAMPLE', 'realm', REALM), 'krbtgt/REALM1.EXAMPLE');
      t.equal(accountName('kadmin/changepw', 'realm', REALM), 'kadmin/changepw');
      for (const name of ['root', 'krbtgt', 'KRBTGT/REALM1.EXAMPLE', 'krbtgt/a/b', 'alice']) {
        t.throws(() => accountName(name, 'realm', REALM), { code: 'bad-name', hint: /krbtgt/ }, name);
      }
    },
  );

  await t.test('is refused with a reason when nobody could type it or nobody would see it', async (t) => {
    const bad: Record<string, RegExp> = {
      '': /a part of it is empty/,
      'a//b': /a part of it is empty/,
      'alice@OTHER': /belongs to the realm "OTHER"/,
      'alice@realm1.example': /case-sensitive/,
      'a\u0000b': /control or invisible/,
      'a\nb': /control or invisible/,
      'a\u200bb': /control or invisible/,
      'a\u202eb': /control or invisible/,
      'a\ud800b': /control or invisible/,
      ' alice': /begins or ends with a blank/,
      'host/ x': /begins or ends with a blank/,
      'dangling\\': /lone backslash/,
    };
    for (const [name, message] of Object.entries(bad)) {
      t.throws(
        () => accountName(name, 'user', REALM),
        { code: 'bad-name', message, hint: /./ },
        JSON.stringify(name),
      );
    }
    t.throws(() => accountName('x'.repeat(513), 'user', REALM), { code: 'bad-name' });
    t.throws(() => accountName('\\@'.repeat(200) + '/'.repeat(1) + '\\@'.repeat(100), 'user', REALM), {
      code: 'bad-name',
    });
  });
});

await t.test('names that Windows or a reader would take for one are folded into one', async (t) => {
  const pairs = [
    ['alice', 'ALICE'],
    ['straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
    ['jo\u0308rg', 'J\u00d6RG'],
    ['ａlice', 'alice'],
  ] as const;
  for (const [a, b] of pairs) t.equal(foldName(a), foldName(b), `${a} ${b}`);
  t.not(foldName('alice'), foldName('alise'));
  t.not(foldName('host/a'), foldName('hosta'));
});

await t.test('RFC 4120 section 4: the default salt is realm and components without separators', async (t) => {
  t.equal(defaultSalt('ATHENA.MIT.EDU', ['raeburn']), 'ATHENA.MIT.EDUraeburn');
  t.equal(defaultSalt(REALM, ['host', 'device1.example']), 'REALM1.EXAMPLEhostdevice1.example');
});
