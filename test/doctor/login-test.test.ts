import t, { type Test } from 'tap';
import {
  ClientError,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  nameOf,
  parsePrincipal,
} from '../../src/client/index.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { AdCammac } from '../../src/codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import { EncTicketPart, type Ticket } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { Cause, StepName } from '../../src/doctor/diagnosis.ts';
import { type LoginReport, type LoginTest, testLogin } from '../../src/doctor/login-test.ts';
import { AdType } from '../../src/spec/ad-types.ts';
import { KeyUsage } from '../../src/spec/key-usages.ts';
import { AD_REALM, AD_SID } from '../support/foreign-tickets.ts';
import { randomKey, REALM, REALM_SID } from '../support/memory-realm.ts';
import { present } from '../support/present.ts';
import { PASSWORD, TwoRealms } from '../support/two-realms.ts';

const DEVICE = { name: nameOf('host', 'device1'), realm: REALM };

/** Our realm with a device and users of each kind, and one that it trusts. */
async function setUp(): Promise<TwoRealms> {
  const realms = await TwoRealms.create();
  await realms.ours.addUser('bob', PASSWORD, { right: 'Viewer' });
  await realms.ours.addUser('nobody', PASSWORD);
  await realms.ours.addUser('stage', PASSWORD, { right: 'Join-Realm' });
  realms.ours.add({ name: 'host/device1' });
  return realms;
}

function tested(realms: TwoRealms, fields: Partial<LoginTest> & { who?: string } = {}): Promise<LoginReport> {
  const { who = 'bob', ...others } = fields;
  let now = 0;
  return testLogin({
    user: parsePrincipal(who, REALM),
    proof: { password: PASSWORD },
    device: DEVICE,
    keysOf: async ({ name }) => realms.ours.principals.get(name.nameString.join('/'))?.keys,
    client: (observe) => realms.client(observe),
    clockSkew: 300,
    now: () => now++,
    ...others,
  });
}

const namesOf = ({ steps }: LoginReport): string =>
  steps.map(({ name, ok }) => (ok ? name : `!${name}`)).join(' ');

async function fails(
  t: Test,
  realms: TwoRealms,
  expected: { at: StepName; cause: Cause; text?: RegExp; fix?: RegExp },
  fields: Parameters<typeof tested>[1] = {},
): Promise<LoginReport> {
  const report = await tested(realms, fields);
  const last = present(report.steps.at(-1));
  t.notOk(report.ok);
  const { text = /./, fix } = expected;
  t.match(last, {
    ok: false,
    name: expected.at,
    cause: expected.cause,
    text,
    ...(fix === undefined ? {} : { fix }),
  });
  return report;
}

await t.test('a login of ours is followed to the right on a device', async (t) => {
  const realms = await setUp();
  const report = await tested(realms);
  t.ok(report.ok);
  t.equal(namesOf(report), 'clock login service key right');
  t.match(
    report.steps.map(({ text }) => text),
    [
      /agrees with ours/,
      `bob@${REALM} has a ticket for krbtgt/${REALM}@${REALM}. Its key is of aes256-cts-hmac-sha384-192`,
      `A ticket for host/device1@${REALM}, made with aes256-cts-hmac-sha384-192, key version 1.`,
      "It opens with the device's key of aes256-cts-hmac-sha384-192, version 1.",
      'The ticket states Viewer.',
    ],
  );
  t.strictSame(
    report.tickets.map(({ server }) => server.name.nameString.join('/')),
    [`krbtgt/${REALM}`, 'host/device1'],
  );
  t.strictSame(report.opened, { rights: ['Viewer'], groups: [`${REALM_SID}-513`, `${REALM_SID}-1002`] });
  t.equal(report.steps.filter(({ milliseconds }) => milliseconds !== undefined).length, 2);
});

await t.test('a user of a trusted realm is followed over the trust', async (t) => {
  const realms = await setUp();
  const report = await tested(realms, { who: `alice@${AD_REALM}` });
  t.ok(report.ok);
  t.equal(namesOf(report), 'clock login referral service key right');
  t.equal(report.steps[2]?.text, `${AD_REALM} gives a ticket for ${REALM}.`);
  t.equal(report.tickets.length, 3);
  t.match(report.opened, { rights: ['Administrator'], groups: [`${AD_SID}-513`, `${AD_SID}-1001`] });
});

await t.test('less can be asked for', async (t) => {
  const realms = await setUp();
  const alone = await tested(realms, { device: undefined });
  t.ok(alone.ok);
  t.equal(namesOf(alone), 'clock login');
  t.equal(alone.opened, undefined);
  for (const keysOf of [undefined, async () => undefined]) {
    const closed = await tested(realms, { keysOf });
    t.ok(closed.ok);
    t.equal(namesOf(closed), 'clock login service');
    t.equal(closed.opened, undefined, 'nobody but the device can say what is in its ticket');
  }
  const { realm, name } = parsePrincipal('bob', REALM);
  const key = realms.ours.key('bob', 18);
  const keytab = await tested(realms, { proof: { keytab: [{ realm, name, kvno: 1, key }] } });
  t.ok(keytab.ok, 'a keytab is as good as a password');
});

await t.test('each failure has its step, its cause and a fix', async (t) => {
  const realms = await setUp();
  await fails(t, realms, { at: 'login', cause: 'wrong-password' }, { proof: { password: 'wrong' } });
  await fails(
    t,
    realms,
    { at: 'login', cause: 'other', text: /keytab has none for bob/ },
    { proof: { keytab: [] } },
  );
  const none = await fails(
    t,
    realms,
    { at: 'right', cause: 'no-right', fix: /user set NAME --right/ },
    { who: 'nobody' },
  );
  t.strictSame(none.opened, { rights: [], groups: [`${REALM_SID}-513`] });
  await fails(t, realms, { at: 'right', cause: 'no-right', text: /513/ }, { who: `mallory@${AD_REALM}` });
  await fails(t, realms, { at: 'service', cause: 'policy', fix: /may only join/ }, { who: 'stage' });
  const nowhere = { name: nameOf('host', 'nowhere'), realm: REALM };
  const unknown = await fails(
    t,
    realms,
    { at: 'service', cause: 'unknown-device', text: /no service host\/nowhere/, fix: /joined/ },
    { device: nowhere },
  );
  t.equal(unknown.tickets.length, 1, 'what was got is kept');
  await fails(
    t,
    realms,
    {
      at: 'service',
      cause: 'no-trust',
      text: /knows no way to the realm ELSEWHERE/,
      fix: /must trust ELSEWHERE/,
    },
    { device: { ...nowhere, realm: 'ELSEWHERE' } },
  );
  realms.ours.trusts.clear();
  await fails(t, realms, { at: 'service', cause: 'other' }, { who: `alice@${AD_REALM}` });
});

await t.test('a server that cannot be asked is told apart from one that refuses', async (t) => {
  const realms = await setUp();
  for (const [code, cause] of [
    ['no-servers', 'no-servers'],
    ['no-answer', 'no-answer'],
    ['certificate-refused', 'certificate'],
  ] as const) {
    const broken =
      (fromMessage: number): LoginTest['client'] =>
      (observe) => {
        const client = realms.client(observe);
        let messages = 0;
        return {
          ...client,
          send: (...request) =>
            ++messages < fromMessage ? client.send(...request) : Promise.reject(new ClientError(code)),
        };
      };
    await fails(t, realms, { at: code === 'no-servers' ? 'servers' : 'login', cause }, { client: broken(1) });
    await fails(t, realms, { at: 'service', cause }, { client: broken(3) });
  }
});

await t.test("a ticket that the device's keys do not open", async (t) => {
  const realms = await setUp();
  const old = realms.ours.principals.get('host/device1')?.keys ?? [];
  realms.ours.change('host/device1', { keys: [20, 18].map((etype) => randomKey(etype, 2)) });
  await fails(
    t,
    realms,
    { at: 'key', cause: 'wrong-device-key', text: /key version 2; there are .* version 1/, fix: /old key/ },
    { keysOf: async () => old },
  );
  await fails(
    t,
    realms,
    {
      at: 'key',
      cause: 'wrong-device-key',
      text: /there are .* version 2/,
      fix: /not the KDC of this realm/,
    },
    { keysOf: async () => [randomKey(20, 2)] },
  );
  await fails(
    t,
    realms,
    { at: 'key', cause: 'wrong-device-key', text: /there are none/ },
    { keysOf: async () => [] },
  );
});

await t.test('a ticket whose rights or PAC somebody else has signed', async (t) => {
  const realms = await setUp();
  const key = realms.ours.key('host/device1', 20);
  const context = realms.client();
  const tgt = await getInitialTicket(context, {
    client: parsePrincipal('bob', REALM),
    proof: { password: PASSWORD },
  });
  const { credential } = await getServiceTicket(context, tgt, DEVICE);
  const change = (inner: (element: AuthorizationData[number]) => Uint8Array): void =>
    realms.forge(changed(credential, (elements) => elements.map((one) => ({ ...one, adData: inner(one) }))));
  const changed = (
    { ticket }: Credential,
    edit: (elements: AuthorizationData) => AuthorizationData,
  ): Ticket => {
    const part = decode(EncTicketPart, nodeCrypto.decrypt(key, KeyUsage.TICKET, ticket.encPart.cipher));
    const authorizationData = part.authorizationData?.map(({ adType, adData }) => ({
      adType,
      adData: encode(AuthorizationData, edit(decode(AuthorizationData, adData))).slice(),
    }));
    const plain = encode(EncTicketPart, { ...part, authorizationData });
    return {
      ...ticket,
      encPart: { ...ticket.encPart, cipher: nodeCrypto.encrypt(key, KeyUsage.TICKET, plain) },
    };
  };
  change(({ adData }) => adData);
  t.ok((await tested(realms)).ok, 'the forgery itself changes nothing');

  change(({ adType, adData }) => {
    if (adType !== AdType.CAMMAC) return adData;
    const { svcVerifier: _, ...rest } = decode(AdCammac, adData);
    return encode(AdCammac, rest).slice();
  });
  await fails(t, realms, { at: 'right', cause: 'other', text: /not signed with the service's key/ });
  change(({ adType, adData }) =>
    adType === AdType.WIN2K_PAC
      ? adData.map((byte, i) => (i === adData.length - 200 ? byte ^ 1 : byte))
      : adData,
  );
  await fails(t, realms, { at: 'right', cause: 'pac-refused', text: /PAC is not signed/ });
  change(({ adType, adData }) => (adType === AdType.WIN2K_PAC ? Uint8Array.of(1, 2, 3) : adData));
  await fails(t, realms, { at: 'right', cause: 'other', text: /not well-formed/ });
});
