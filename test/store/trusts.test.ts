import { join } from 'node:path';
import { readFileSync, readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { changeTrust, createTrust, rotateTrust, trustSecrets } from '../../src/accounts/trusts.ts';
import { parseSid } from '../../src/base/sid.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { PrincipalKey } from '../../src/realm/principal.ts';
import {
  checkedTrust,
  DEFAULT_ATTEMPTS,
  lackingEtypes,
  type TrustRecord,
} from '../../src/realm/trust-settings.ts';
import type { Trust } from '../../src/realm/trust.ts';
import type { Store } from '../../src/store/open.ts';
import { FakeClock, trustCrypto } from '../support/memory-realm.ts';
import { present } from '../support/present.ts';
import { storeProcess } from '../support/store-process.ts';
import { STORE_REALM, temporaryStore } from '../support/temporary-store.ts';

const AD = 'AD.EXAMPLE.TEST';
const AD_SID = 'S-1-5-21-1000000001-2000000002-3000000003';
const OWN = { realm: STORE_REALM, sid: parseSid('S-1-5-21-1-2-3') };
const SETTINGS = checkedTrust(
  {
    realm: AD,
    netbios: 'ADEX',
    domainSids: [AD_SID, 'S-1-5-21-4-5-6'],
    direction: 'both',
    kdcs: ['127.0.0.2:10088'],
    kpasswd: ['127.0.0.2:10464'],
    attempts: { maxFailures: 5, window: 600 },
    rights: [
      { rid: 1107, right: 'Administrator' },
      { sid: 'S-1-5-21-4-5-6-1108', right: 'Viewer' },
    ],
    domains: ['AD.example.test', 'corp.example'],
    transits: ['CHILD.AD.EXAMPLE.TEST'],
  },
  OWN,
);

const ONE_IN_MD4 = 'e721aa5317844363f6c833a3ff4c1638';

const clock = new FakeClock();
const accounts = ({ trusts }: Pick<Store, 'trusts'>) => ({
  realm: STORE_REALM,
  trusts,
  trustCrypto,
  clock,
});
const bytes = ({ key }: PrincipalKey): Uint8Array => key.bytes;
const shape = (keys: readonly PrincipalKey[]): string =>
  keys.map(({ kvno, key }) => `${kvno}:${key.etype}`).join(' ');

await t.test('a trust', async (t) => {
  const store = await temporaryStore(t);
  const made = await createTrust(accounts(store), SETTINGS, 'Shared.Trust.Secret-1');

  await t.test('comes back as it was put in, and stands in memory at once', async (t) => {
    const found = present(await store.trusts.find(AD));
    const { keys: _, ...settings } = found;
    t.same(settings, SETTINGS);
    t.same(found.keys.inbound.map(bytes), made.keys.inbound.map(bytes));
    t.same(found.keys.outbound.map(bytes), made.keys.outbound.map(bytes));
    t.same(await store.trusts.list(), [found]);
    const trust = present(store.trustDirectory.find(AD));
    t.match(trust, {
      realm: AD,
      netbios: 'ADEX',
      kind: 'ad',
      domainSids: [AD_SID, 'S-1-5-21-4-5-6'],
      rights: [{ sid: `${AD_SID}-1107` }, { sid: 'S-1-5-21-4-5-6-1108' }],
      domains: ['ad.example.test', 'corp.example'],
    });
    t.same(store.trustDirectory.all(), [trust]);
    t.equal(store.trustDirectory.find('ad.example.test'), undefined, 'names of realms are case-sensitive');
  });

  await t.test('has keys of the secret with the salt of each direction, strongest first', async (t) => {
    const { inboundKeys, outboundKeys } = present(store.trustDirectory.find(AD));
    t.equal(shape(inboundKeys), '1:18 1:17', 'of the etypes that AD has, although others are kept, too');
    const inbound = await nodeCrypto.stringToKey(18, 'Shared.Trust.Secret-1', `${AD}krbtgt${STORE_REALM}`);
    const outbound = await nodeCrypto.stringToKey(17, 'Shared.Trust.Secret-1', `${STORE_REALM}krbtgt${AD}`);
    t.same(inboundKeys[0]?.key.bytes, inbound.bytes);
    t.same(outboundKeys[1]?.key.bytes, outbound.bytes);
    await store.trusts.change(AD, { etypes: [20, 17] });
    t.equal(
      shape(present(store.trustDirectory.find(AD)).inboundKeys),
      '1:20 1:17',
      'other etypes need no secret',
    );
    await store.trusts.change(AD, { etypes: SETTINGS.etypes });
  });

  await t.test('has its current secret before the one before it, and none older', async (t) => {
    clock.advance(60);
    await rotateTrust(accounts(store), AD, 'Second');
    t.equal(shape(present(store.trustDirectory.find(AD)).inboundKeys), '2:18 2:17 1:18 1:17');
    await t.rejects(rotateTrust(accounts(store), AD, 'Second'), { code: 'same-secret' });
    clock.advance(60);
    const rotated = await rotateTrust(accounts(store), AD, 'Third');
    t.equal(shape(present(store.trustDirectory.find(AD)).inboundKeys), '3:18 3:17 2:18 2:17');
    t.equal(shape(present(store.trustDirectory.find(AD)).outboundKeys), '3:18 3:17 2:18 2:17');
    t.same(trustSecrets(rotated), [
      { kvno: 3, created: clock.seconds },
      { kvno: 2, created: clock.seconds - 60 },
    ]);
    for (const bad of ['', 'two\nlines', 'x'.repeat(2000)])
      await t.rejects(rotateTrust(accounts(store), AD, bad), { code: 'bad-password' });
  });

  await t.test(
    'is another object with other keys once it has changed, and the same one until then',
    async (t) => {
      const before = present(store.trustDirectory.find(AD));
      await store.trusts.change(AD, { direction: 'both', kdcs: ['127.0.0.2:10088'] });
      t.equal(store.trustDirectory.find(AD), before, 'what changes nothing is no change');
      await store.trusts.change(AD, ({ rights }) => ({ rights: rights.slice(1) }));
      const after = present(store.trustDirectory.find(AD));
      t.not(after, before);
      t.not(after.inboundKeys[0]?.key, before.inboundKeys[0]?.key);
      t.same(after.inboundKeys[0]?.key.bytes, before.inboundKeys[0]?.key.bytes);
      t.equal(after.rights.length, 1);

      const other = checkedTrust({ realm: 'MIT.EXAMPLE', direction: 'outbound' }, OWN);
      await createTrust(accounts(store), other, 'x');
      t.equal(store.trustDirectory.find(AD), after, 'whatever happens to others');
      t.same(
        store.trustDirectory.all().map(({ realm }) => realm),
        [AD, 'MIT.EXAMPLE'],
      );
      t.equal(shape(present(store.trustDirectory.find('MIT.EXAMPLE')).outboundKeys), '1:20 1:19 1:18 1:17');
      await store.trusts.remove('MIT.EXAMPLE');
      t.equal(store.trustDirectory.find('MIT.EXAMPLE'), undefined);
    },
  );

  await t.test('is the only one with its realm, in whatever letter case', async (t) => {
    await t.rejects(createTrust(accounts(store), SETTINGS, 'x'), { code: 'exists' });
    await t.rejects(createTrust(accounts(store), { ...SETTINGS, realm: 'Ad.Example.Test' }, 'x'), {
      code: 'exists',
      message: /AD\.EXAMPLE\.TEST already, whose name differs/,
    });
    await t.rejects(store.trusts.change('NONE', { netbios: 'X' }), { code: 'not-found' });
    await t.rejects(store.trusts.remove('NONE'), { code: 'not-found' });
    await t.rejects(rotateTrust(accounts(store), 'NONE', 'x'), { code: 'not-found' });
    t.equal(await store.trusts.find('NONE'), undefined);
  });

  await t.test('stands in no file of the store with its secret or a key in the clear', async (t) => {
    const { keys } = present(await store.trusts.find(AD));
    const files = readdirSync(store.data).filter((name) => name.startsWith('store'));
    const stored = Buffer.concat(files.map((name) => readFileSync(join(store.data, name))));
    t.ok(stored.includes(AD), 'these are the files');
    for (const secret of ['Shared.Trust.Secret-1', 'Second', 'Third']) t.notOk(stored.includes(secret));
    for (const { key } of [...keys.inbound, ...keys.outbound])
      t.notOk(stored.includes(Buffer.from(key.bytes)));
  });
});

await t.test('a trust has a key of RC4 where it is named, and no longer', async (t) => {
  const store = await temporaryStore(t);
  const rc4 = { ...SETTINGS, etypes: [23] };
  const keysOf = async (): Promise<string> => shape(present(await store.trusts.find(AD)).keys.inbound);
  await createTrust(accounts(store), SETTINGS, 'one');
  t.equal(await keysOf(), '1:20 1:19 1:18 1:17');
  await t.rejects(rotateTrust(accounts(store), AD, 'one'), { code: 'same-secret' });

  await changeTrust(accounts(store), rc4);
  t.same(lackingEtypes(present(await store.trusts.find(AD))), [23], 'it takes the secret to make one');
  t.same(present(store.trustDirectory.find(AD)).inboundKeys, []);
  await t.rejects(rotateTrust(accounts(store), AD, ''), { code: 'bad-password' });
  await rotateTrust(accounts(store), AD, 'one');
  t.equal(await keysOf(), '1:20 1:19 1:18 1:17 1:23', 'typed once more it is no new one');
  t.same(lackingEtypes(present(await store.trusts.find(AD))), []);
  const { inboundKeys, outboundKeys } = present(store.trustDirectory.find(AD));
  t.equal(shape(inboundKeys), '1:23');
  // MD4("one" in UTF-16), from `openssl dgst -md4 -provider legacy`: no salt, so both directions have one key.
  for (const [key] of [inboundKeys, outboundKeys])
    t.equal(Buffer.from(present(key).key.bytes).toString('hex'), ONE_IN_MD4);
  await t.rejects(rotateTrust(accounts(store), AD, 'one'), { code: 'same-secret' });

  await rotateTrust(accounts(store), AD, 'two');
  t.equal(await keysOf(), '2:20 2:19 2:18 2:17 2:23 1:20 1:19 1:18 1:17 1:23');
  await changeTrust(accounts(store), SETTINGS);
  t.equal(await keysOf(), '2:20 2:19 2:18 2:17 1:20 1:19 1:18 1:17', 'and is forgotten with its name');
  await store.trusts.remove(AD);
  await createTrust(accounts(store), rc4, 'one');
  t.equal(await keysOf(), '1:20 1:19 1:18 1:17 1:23');
});

await t.test('sealed keys of a trust', async (t) => {
  const store = await temporaryStore(t);
  await createTrust(accounts(store), SETTINGS, 'one');
  await createTrust(accounts(store), { ...SETTINGS, realm: 'B.EXAMPLE' }, 'two');
  const db = new DatabaseSync(join(store.data, 'store.sqlite'));
  t.teardown(() => db.close());

  await t.test('open neither in the place of the other direction nor of another trust', async (t) => {
    db.exec(`update trust set inbound_keys = outbound_keys, version = 9 where realm = '${AD}'`);
    await t.rejects(store.trusts.find(AD), { code: 'broken-seal' });
    db.exec(
      `update trust set outbound_keys = (select outbound_keys from trust where realm = '${AD}'), version = 9 where realm = 'B.EXAMPLE'`,
    );
    await t.rejects(store.trusts.find('B.EXAMPLE'), { code: 'broken-seal' });
  });

  await t.test('do not open under the name of another realm', async (t) => {
    await createTrust(accounts(store), { ...SETTINGS, realm: 'C.EXAMPLE' }, 'three');
    db.exec(`update trust set realm = 'D.EXAMPLE', version = 9 where realm = 'C.EXAMPLE'`);
    await t.rejects(store.trusts.find('D.EXAMPLE'), { code: 'broken-seal' });
  });

  await t.test(
    'that do not open make the trust none, with a line in the log, and no server stops for it',
    async (t) => {
      db.exec(`insert into change (principal) values ('@${AD}')`);
      await sleep(300);
      t.same(store.trustDirectory.all(), []);
      const told = store.log.lines.filter(({ level }) => level === 'error');
      t.same(new Set(told.map(({ fields }) => fields['realm'])), new Set([AD, 'B.EXAMPLE', 'D.EXAMPLE']));
      const again = await temporaryStore(t, { data: store.data });
      t.same(again.trustDirectory.all(), []);
    },
  );
});

await t.test(
  'what another process does to a trust, this one knows within a second, and of nothing else',
  async (t) => {
    const store = await temporaryStore(t);
    await createTrust(accounts(store), SETTINGS, 'one');
    await createTrust(accounts(store), { ...SETTINGS, realm: 'B.EXAMPLE' }, 'two');
    const [before, other] = store.trustDirectory.all() as [Trust, Trust];
    const process = storeProcess(t, store.data, 'turn', AD, 'inbound');
    t.equal(await process.ended(), 0);
    for (let waited = 0; store.trustDirectory.find(AD) === before && waited < 1000; waited += 20)
      await sleep(20);
    t.equal(store.trustDirectory.find(AD)?.direction, 'inbound');
    t.equal(store.trustDirectory.find('B.EXAMPLE'), other);
  },
);

await t.test('a rotation of the master key seals the keys of trusts anew', async (t) => {
  const store = await temporaryStore(t);
  await createTrust(accounts(store), SETTINGS, 'one');
  const before = present(await store.trusts.find(AD));
  const server = present(store.trustDirectory.find(AD));
  const keyFile = join(store.data, 'master.key');
  const old = readFileSync(keyFile, 'utf8');
  t.match(await store.rotateMasterKey(), { trusts: 1, resumed: false });
  t.not(readFileSync(keyFile, 'utf8'), old);
  t.notOk(
    readFileSync(keyFile, 'utf8').includes(old.split('\n').find((line) => /^[^#]/.test(line)) ?? ''),
    'the old key is gone',
  );
  const again = await temporaryStore(t, { data: store.data });
  const after = present(await again.trusts.find(AD)) satisfies TrustRecord;
  t.same(after.keys.inbound.map(bytes), before.keys.inbound.map(bytes));
  t.same(after.keys.outbound.map(bytes), before.keys.outbound.map(bytes));
  t.equal(store.trustDirectory.find(AD), server, 'a server that runs goes on with what it has');
  t.match(await store.rotateMasterKey(), { trusts: 1 }, 'and can do it again');
});

await t.test(
  'a trust of a store from before has the limits and servers of one that says nothing of them',
  async (t) => {
    const store = await temporaryStore(t);
    await createTrust(accounts(store), SETTINGS, 'Shared.Trust.Secret-1');
    await store.close();
    const db = new DatabaseSync(join(store.data, 'store.sqlite'));
    for (const column of ['kpasswd', 'max_failures', 'failure_window'])
      db.exec(`alter table trust drop column ${column}`);
    db.exec(`delete from kysely_migration where name = '0005-trust-logins'`);
    db.close();
    const { trusts, trustDirectory } = await temporaryStore(t, { data: store.data });
    t.match(await trusts.find(AD), { kpasswd: [], attempts: DEFAULT_ATTEMPTS, kdcs: SETTINGS.kdcs });
    t.same(trustDirectory.find(AD)?.attempts, DEFAULT_ATTEMPTS);
  },
);
