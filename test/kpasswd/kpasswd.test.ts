/** RFC 3244: who may change and set which password, and what else is refused. */
import t from 'tap';
import { makeApReq } from '../../src/ap/ap-req.ts';
import { createService } from '../../src/accounts/services.ts';
import { createUser, setPassword as administer } from '../../src/accounts/users.ts';
import { disableAccount, removeAccount } from '../../src/accounts/life.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { Key } from '../../src/base/key.ts';
import {
  CHANGEPW,
  changePassword,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  nameOf,
  parsePrincipal,
  setPassword,
} from '../../src/client/index.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import {
  ChangePasswdData,
  decodeKpasswdOutcome,
  decodeKpasswdReply,
  decodeKpasswdRequest,
  encodeKpasswdRequest,
} from '../../src/codec/kpasswd.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { EncKrbPrivPart, KrbPriv } from '../../src/codec/krb5/safe-priv-cred.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { createQueue } from '../../src/kpasswd/queue.ts';
import { FakeClock, REALM } from '../support/memory-realm.ts';
import { CLIENT_ADDRESS, type PasswordRealm, passwordRealm } from '../support/password-realm.ts';
import { present } from '../support/present.ts';
import type { Scope } from '../support/run.ts';

const user = (name: string) => parsePrincipal(name, REALM);
const RESULT = { malformed: 1, hard: 2, auth: 3, soft: 4, denied: 5, version: 6, initial: 7 };

/** A realm with an Administrator alice, a Viewer bob, a Join-Realm account stage, a user dora without a right, and a service. */
async function someRealm(t: Scope): Promise<PasswordRealm> {
  const realm = await passwordRealm(t);
  const { accounts } = realm;
  await createUser(accounts, { name: 'alice', password: 'Alice.pass1', right: 'Administrator' });
  await createUser(accounts, { name: 'bob', password: 'Bob.pass1', right: 'Viewer' });
  await createUser(accounts, { name: 'stage', password: 'Stage.pass1', right: 'Join-Realm' });
  await createUser(accounts, { name: 'dora', password: 'Dora.pass1' });
  await createService(accounts, { name: 'host/there' });
  realm.clock.advance(1);
  return realm;
}

const logIn = (realm: PasswordRealm, name: string, password: string): Promise<Credential> =>
  getInitialTicket(realm.context, { client: user(name), proof: { password } });
const changepw = (realm: PasswordRealm, name: string, password: string): Promise<Credential> =>
  getInitialTicket(realm.context, { client: user(name), proof: { password }, service: CHANGEPW });
const change = (realm: PasswordRealm, name: string, password: string, newPassword: string) =>
  changePassword(realm.context, { client: user(name), password, newPassword });
const principal = async ({ store }: PasswordRealm, name: string) =>
  present(await store.principals.find(name));

/** A request by hand, each part of which can be wrong. */
interface Parts {
  readonly version?: number;
  readonly userData?: Uint8Array;
  readonly subkey?: Key | 'none';
  readonly privKey?: Key;
  readonly usage?: number;
  readonly seqNumber?: number;
  readonly privSeqNumber?: number | undefined;
  readonly privEtype?: number;
}

function request(realm: PasswordRealm, credential: Credential, parts: Parts = {}): Uint8Array {
  const { version = 1, userData = utf8('New.pass1'), usage = 13, seqNumber = 7, subkey } = parts;
  const own = subkey ?? nodeCrypto.randomKey(credential.key.etype);
  const apReq = makeApReq(nodeCrypto, realm.clock, credential, {
    mutual: true,
    seqNumber,
    ...(own === 'none' ? {} : { subkey: own }),
  });
  const key = parts.privKey ?? (own === 'none' ? credential.key : own);
  const part = encode(EncKrbPrivPart, {
    userData,
    seqNumber: 'privSeqNumber' in parts ? parts.privSeqNumber : seqNumber,
    sAddress: { addrType: 2, address: Uint8Array.of(10, 0, 0, 1) },
  });
  const cipher = nodeCrypto.encrypt(key, usage, part);
  const krbPriv = encode(KrbPriv, {
    pvno: 5,
    msgType: 21,
    encPart: { etype: parts.privEtype ?? key.etype, cipher },
  });
  return encodeKpasswdRequest({ version, apReq: apReq.message, krbPriv });
}

/** The credential with another inside of its ticket, as only a KDC makes it. */
async function reissued(
  realm: PasswordRealm,
  credential: Credential,
  fields: Partial<EncTicketPart>,
): Promise<Credential> {
  const { encPart } = credential.ticket;
  const { keys } = await principal(realm, 'kadmin/changepw');
  const { key } = present(keys.find((one) => one.key.etype === encPart.etype));
  const part = decode(EncTicketPart, nodeCrypto.decrypt(key, 2, encPart.cipher));
  const cipher = nodeCrypto.encrypt(key, 2, encode(EncTicketPart, { ...part, ...fields }));
  return { ...credential, ticket: { ...credential.ticket, encPart: { ...encPart, cipher } } };
}

/** A ticket for kadmin/changepw without the initial flag: our KDC gives none. */
async function notInitial(realm: PasswordRealm, name: string, password: string): Promise<Credential> {
  const credential = await changepw(realm, name, password);
  return reissued(realm, credential, { flags: (credential.flags & ~TicketFlag.INITIAL) >>> 0 });
}

/** The outcome in a reply that nobody has signed. */
function unsigned(reply: Uint8Array | undefined): { result: number; text: string; errorCode: number } {
  const read = decodeKpasswdReply(present(reply));
  if (!('krbError' in read)) throw new Error('a signed reply');
  const { eData, errorCode } = decode(KrbError, read.krbError);
  const { result, text } = decodeKpasswdOutcome(present(eData));
  return { result, errorCode, text: new TextDecoder().decode(text) };
}

await t.test('changing one’s own password', async (t) => {
  const realm = await someRealm(t);
  const { events, clock } = realm;

  await t.test('raises the kvno, is good at once, and the old one is worthless', async (t) => {
    const before = await principal(realm, 'bob');
    clock.advance(5);
    await change(realm, 'bob', 'Bob.pass1', 'Bob.pass2');
    const after = await principal(realm, 'bob');
    t.equal(after.keys[0]?.kvno, present(before.keys[0]).kvno + 1);
    t.equal(after.passwordChanged, clock.seconds);
    t.equal(after.right, 'Viewer');
    await logIn(realm, 'bob', 'Bob.pass2');
    await t.rejects(logIn(realm, 'bob', 'Bob.pass1'), { code: 'kdc-err-preauth-failed' });
    t.strictSame(realm.lastEvent(), {
      outcome: 'changed',
      reason: undefined,
      detail: undefined,
      transport: 'tcp',
      address: '192.0.2.1',
      port: 4711,
      client: `bob@${REALM}`,
      target: undefined,
    });
  });

  await t.test('is the way out for who must change it: nothing else is given until then', async (t) => {
    await createUser(realm.accounts, { name: 'carla', password: 'First.pass', mustChange: true });
    await t.rejects(logIn(realm, 'carla', 'First.pass'), { code: 'kdc-err-key-expired' });
    await t.rejects(change(realm, 'carla', 'First.pass', 'First.pass'), {
      code: 'kpasswd-softerror',
      message: /is the one that the account has already/,
    });
    await t.rejects(logIn(realm, 'carla', 'First.pass'), { code: 'kdc-err-key-expired' });
    await change(realm, 'carla', 'First.pass', 'Second.pass');
    t.equal((await principal(realm, 'carla')).passwordExpires, undefined);
    await logIn(realm, 'carla', 'Second.pass');
  });

  await t.test('a password from before the rule goes on working, until it is changed', async (t) => {
    await createUser({ ...realm.accounts, passwordLength: 1 }, { name: 'olga', password: 'old' });
    realm.clock.advance(1);
    await logIn(realm, 'olga', 'old');
    await t.rejects(change(realm, 'olga', 'old', 'new'), { message: /at least 8 are wanted/ });
    await change(realm, 'olga', 'old', 'Olga.pass1');
  });

  await t.test('works with version 0xff80, too, with and without the own name in it', async (t) => {
    for (const target of [undefined, user('dora')]) {
      const credential = await changepw(realm, 'dora', 'Dora.pass1');
      const userData = encode(ChangePasswdData, {
        newpasswd: utf8('Dora.pass2'),
        targname: target?.name,
        targrealm: target?.realm,
      }).slice();
      const reply = decodeKpasswdReply(
        present(
          await realm.kpasswd(request(realm, credential, { version: 0xff80, userData }), CLIENT_ADDRESS),
        ),
      );
      t.ok('apRep' in reply);
      t.match(realm.lastEvent(), { outcome: 'changed', client: `dora@${REALM}`, target: undefined });
      clock.advance(1);
      await logIn(realm, 'dora', 'Dora.pass2');
      await administer(realm.accounts, 'dora', 'Dora.pass1');
      clock.advance(1);
    }
  });

  await t.test('a password that is not acceptable is refused with what is wanted', async (t) => {
    for (const [bad, why] of [
      ['', /It says: .*is empty\. Type at least one character\./],
      ['seven77', /It says: .*has 7 characters, and at least 8 are wanted\. Choose a longer one/],
      ['BOB@realm1.example', /is the name of the user/],
      ['x'.repeat(1024), /has 1024 bytes, of which 1023 are allowed/],
      ['line\n', /holds a control character/],
    ] as const) {
      await t.rejects(change(realm, 'bob', 'Bob.pass2', bad), { code: 'kpasswd-softerror', message: why });
      t.match(realm.lastEvent(), { outcome: 'refused', reason: 'kpasswd-unacceptable' });
    }
    const credential = await changepw(realm, 'bob', 'Bob.pass2');
    const latin1 = Uint8Array.of(0x67, 0x72, 0xfc, 0xdf, 0x65);
    await realm.kpasswd(request(realm, credential, { userData: latin1 }), CLIENT_ADDRESS);
    t.match(realm.lastEvent(), { reason: 'kpasswd-unacceptable', detail: /not valid Unicode/ });
    await logIn(realm, 'bob', 'Bob.pass2');
  });

  await t.test('needs a ticket that was got with the password: the initial flag', async (t) => {
    const credential = await notInitial(realm, 'bob', 'Bob.pass2');
    await t.rejects(
      setPassword(realm.context, credential, { target: user('bob'), newPassword: 'Stolen.pass1' }),
      { code: 'kpasswd-initial-flag-needed', result: RESULT.initial },
    );
    t.match(realm.lastEvent(), { reason: 'kpasswd-not-initial' });
  });

  await t.test('a ticket from before the last change is worthless', async (t) => {
    const stolen = await changepw(realm, 'bob', 'Bob.pass2');
    clock.advance(10);
    await change(realm, 'bob', 'Bob.pass2', 'Bob.pass3');
    const attempt = setPassword(realm.context, stolen, { target: user('bob'), newPassword: 'Stolen.pass1' });
    await t.rejects(attempt, {
      code: 'kpasswd-autherror',
      message: /older than the account's present password/,
    });
    t.match(realm.lastEvent(), { reason: 'kpasswd-stale-ticket' });
  });

  await t.test('asked again because the answer was lost, it is done once and told twice', async (t) => {
    const credential = await changepw(realm, 'bob', 'Bob.pass3');
    clock.advance(3);
    const again = () =>
      realm.kpasswd(request(realm, credential, { userData: utf8('Bob.pass4') }), CLIENT_ADDRESS);
    await again();
    t.match(realm.lastEvent(), { outcome: 'changed' });
    const { keys } = await principal(realm, 'bob');
    clock.advance(3);
    await again();
    t.match(realm.lastEvent(), { outcome: 'changed' });
    t.equal((await principal(realm, 'bob')).keys[0]?.kvno, keys[0]?.kvno);
    await administer(realm.accounts, 'bob', 'Reset.pass1');
    await again();
    t.match(realm.lastEvent(), { reason: 'kpasswd-stale-ticket' }, 'somebody else has changed it meanwhile');
  });

  await t.test('is refused to accounts that are gone, disabled, or no users', async (t) => {
    const ends = { erin: disableAccount, frank: removeAccount };
    for (const [name, end] of Object.entries(ends)) {
      await createUser(realm.accounts, { name, password: 'Some.pass1' });
      const credential = await changepw(realm, name, 'Some.pass1');
      await end(realm.accounts, name);
      await realm.kpasswd(request(realm, credential), CLIENT_ADDRESS);
      t.match(realm.lastEvent(), { reason: 'kpasswd-client-refused', client: `${name}@${REALM}` });
    }
    const { keys } = await principal(realm, 'host/there');
    const client = { realm: REALM, name: nameOf('host', 'there') };
    const keytab = keys.map(({ kvno, key }) => ({ ...client, kvno, key }));
    const device = await getInitialTicket(realm.context, { client, proof: { keytab }, service: CHANGEPW });
    await realm.kpasswd(request(realm, device), CLIENT_ADDRESS);
    t.match(realm.lastEvent(), { reason: 'kpasswd-client-refused', client: `host/there@${REALM}` });
    t.strictSame((await principal(realm, 'host/there')).keys[0]?.kvno, 1);
  });
  t.ok(
    events.every(({ detail }) => !/pass\d/i.test(detail ?? '')),
    'no password is in any event',
  );
});

await t.test('setting somebody else’s password', async (t) => {
  const realm = await someRealm(t);
  const set = async (by: string, password: string, target: string, newPassword: string) =>
    setPassword(realm.context, await changepw(realm, by, password), {
      target: parsePrincipal(target, REALM),
      newPassword,
    });

  await t.test('an Administrator may, without the initial flag, too', async (t) => {
    await set('alice', 'Alice.pass1', 'bob', 'Bob.pass2');
    t.match(realm.lastEvent(), { outcome: 'set', client: `alice@${REALM}`, target: `bob@${REALM}` });
    await logIn(realm, 'bob', 'Bob.pass2');
    const credential = await notInitial(realm, 'alice', 'Alice.pass1');
    await setPassword(realm.context, credential, { target: user('bob'), newPassword: 'Bob.pass3' });
    await logIn(realm, 'bob', 'Bob.pass3');
  });

  await t.test('nobody else may, and learns nothing about who exists', async (t) => {
    for (const [by, password] of [
      ['bob', 'Bob.pass3'],
      ['dora', 'Dora.pass1'],
      ['stage', 'Stage.pass1'],
    ] as const) {
      const texts: string[] = [];
      for (const target of ['alice', 'nobody', 'kadmin/changepw', 'host/there/more']) {
        const error = await set(by, password, target, 'Taken.over1').catch((thrown: unknown) => thrown);
        t.match(error, { code: 'kpasswd-accessdenied', result: RESULT.denied }, `${by} sets ${target}`);
        texts.push((error as Error).message);
        t.match(realm.lastEvent(), { reason: 'kpasswd-not-allowed', target: `${target}@${REALM}` });
      }
      t.equal(new Set(texts).size, 1);
    }
    await logIn(realm, 'alice', 'Alice.pass1');
  });

  await t.test('an Administrator whose own password must be changed first may not', async (t) => {
    await administer(realm.accounts, 'alice', 'Known.to2', { mustChange: true });
    realm.clock.advance(1);
    await t.rejects(set('alice', 'Known.to2', 'bob', 'Bob.pass4'), { code: 'kpasswd-accessdenied' });
    t.match(realm.lastEvent(), { reason: 'kpasswd-own-first' });
    await change(realm, 'alice', 'Known.to2', 'Alice.pass1');
    realm.clock.advance(1);
    await set('alice', 'Alice.pass1', 'bob', 'Bob.pass4');
  });

  await t.test('only users have passwords, and only those of this realm', async (t) => {
    for (const [target, code, reason] of [
      ['nobody', 'kpasswd-harderror', 'kpasswd-unknown-target'],
      ['x'.repeat(600), 'kpasswd-harderror', 'kpasswd-unknown-target'],
      [`krbtgt/${REALM}`, 'kpasswd-accessdenied', 'kpasswd-not-a-user'],
      ['kadmin/changepw', 'kpasswd-accessdenied', 'kpasswd-not-a-user'],
      ['bob@AD.EXAMPLE', 'kpasswd-accessdenied', 'kpasswd-other-realm'],
    ] as const) {
      const name = target.length > 512 ? { realm: REALM, name: nameOf(target) } : user(target);
      const credential = await changepw(realm, 'alice', 'Alice.pass1');
      await t.rejects(setPassword(realm.context, credential, { target: name, newPassword: 'New.pass1' }), {
        code,
      });
      t.match(realm.lastEvent(), { outcome: 'refused', reason });
    }
    await t.rejects(set('alice', 'Alice.pass1', 'bob', ''), { code: 'kpasswd-softerror' });
  });

  await t.test('a right that was taken away is gone, whatever the ticket says', async (t) => {
    const credential = await changepw(realm, 'alice', 'Alice.pass1');
    await realm.store.principals.change('alice', { right: 'Viewer' });
    await t.rejects(setPassword(realm.context, credential, { target: user('bob'), newPassword: 'x' }), {
      code: 'kpasswd-accessdenied',
    });
    await realm.store.principals.change('alice', { right: 'Administrator' });
  });
});

await t.test('a device joins by having its key set', async (t) => {
  const realm = await someRealm(t);
  const SECRET = 'c2VjcmV0IG9mIHRoZSBkZXZpY2U';
  const join = async (by: string, host: string, secret = SECRET) => {
    const credential = await changepw(realm, by, by === 'alice' ? 'Alice.pass1' : 'Stage.pass1');
    const target = { realm: REALM, name: nameOf('host', host) };
    return setPassword(realm.context, credential, { target, newPassword: secret });
  };

  await t.test('a Join-Realm account and an Administrator set the key of a new host/NAME', async (t) => {
    for (const [by, host] of [
      ['stage', 'sn-0042'],
      ['alice', 'gate.realm2.example'],
    ] as const) {
      await join(by, host);
      t.match(realm.lastEvent(), {
        outcome: 'joined',
        client: `${by}@${REALM}`,
        target: `host/${host}@${REALM}`,
      });
      const device = present((await realm.store.devices.list()).find((one) => one.host === host));
      t.match(device, { joinedBy: `${by}@${REALM}`, joinedFrom: '192.0.2.1', joined: realm.clock.seconds });
      const { keys, kind } = await principal(realm, `host/${host}`);
      t.equal(kind, 'service');
      t.strictSame(
        keys.map(({ key }) => key.etype),
        [20, 19, 18, 17],
      );
      for (const { key, kvno } of keys) {
        t.equal(kvno, 1);
        const made = await nodeCrypto.stringToKey(key.etype, SECRET, `${REALM}host${host}`);
        t.equal(toHex(key.bytes), toHex(made.bytes), 'the device can make the same key');
      }
      const login = await getInitialTicket(realm.context, {
        client: { realm: REALM, name: nameOf('host', host) },
        proof: { password: SECRET },
      });
      t.equal(login.client.name.nameString[1], host);
    }
  });

  await t.test('what exists is never taken over, by nobody', async (t) => {
    const before = await principal(realm, 'host/sn-0042');
    for (const by of ['stage', 'alice']) {
      for (const host of ['sn-0042', 'there']) {
        await t.rejects(join(by, host, 'another secret of another device'), {
          code: 'kpasswd-accessdenied',
          result: RESULT.denied,
        });
        t.match(realm.lastEvent(), { reason: 'kpasswd-device-exists' });
      }
    }
    t.strictSame((await principal(realm, 'host/sn-0042')).keys, before.keys);
  });

  await t.test('asked again with the same ticket, it is done once and told twice', async (t) => {
    const credential = await changepw(realm, 'stage', 'Stage.pass1');
    const target = { realm: REALM, name: nameOf('host', 'sn-0043') };
    for (let time = 0; time < 2; time++)
      await setPassword(realm.context, credential, { target, newPassword: SECRET });
    t.equal((await principal(realm, 'host/sn-0043')).keys[0]?.kvno, 1);
    await t.rejects(setPassword(realm.context, credential, { target, newPassword: `${SECRET}2` }), {
      code: 'kpasswd-accessdenied',
    });
  });

  await t.test('names that no device has, and secrets that can be guessed, are refused', async (t) => {
    for (const host of ['SN-0044', '-x', 'realm1.example', 'a b', 'x'.repeat(300)]) {
      await t.rejects(join('stage', host), { code: 'kpasswd-harderror' }, host);
      t.match(realm.lastEvent(), { reason: 'kpasswd-device-name' });
    }
    t.match(
      realm.events.find(({ target }) => target?.includes('SN-0044') === true)?.detail,
      'Write host/sn-0044.',
    );
    await t.rejects(join('stage', 'sn-0045', 'Secret.12345678'), {
      code: 'kpasswd-softerror',
      message: /at least 16 characters, made at random; this one has 15/,
    });
    await t.rejects(join('stage', 'sn-0045', `${SECRET}\n`), { code: 'kpasswd-softerror' });
    t.equal(await realm.store.principals.find('host/sn-0045'), undefined);
  });

  await t.test('a Viewer may not', async (t) => {
    const credential = await changepw(realm, 'bob', 'Bob.pass1');
    const target = { realm: REALM, name: nameOf('host', 'sn-0046') };
    await t.rejects(setPassword(realm.context, credential, { target, newPassword: SECRET }), {
      code: 'kpasswd-accessdenied',
    });
    t.equal(await realm.store.principals.find('host/sn-0046'), undefined);
  });
});

await t.test('tickets', async (t) => {
  const realm = await someRealm(t);
  const ask = (bytes: Uint8Array) => realm.kpasswd(bytes, CLIENT_ADDRESS);
  const key = async (name: string, etype: number) =>
    present((await principal(realm, name)).keys.find((one) => one.key.etype === etype)).key;

  await t.test(
    'CVE-2022-2031, CVE-2022-32744: no ticket but one for kadmin/changepw is accepted',
    async (t) => {
      const tgt = await logIn(realm, 'alice', 'Alice.pass1');
      const { credential: service } = await getServiceTicket(realm.context, tgt, {
        name: nameOf('host', 'there'),
        realm: REALM,
      });
      for (const [what, other] of [
        ['a ticket-granting ticket', tgt],
        ['a service ticket', service],
      ] as const) {
        t.match(unsigned(await ask(request(realm, other))), { result: RESULT.auth, errorCode: 35 }, what);
        t.match(realm.lastEvent(), { reason: 'kpasswd-ticket-refused', client: undefined });
        // What stands outside the encryption is anybody's to change.
        const renamed = { ...other, ticket: { ...other.ticket, sname: CHANGEPW } };
        const reply = unsigned(await ask(request(realm, renamed)));
        t.equal(reply.result, RESULT.auth);
        t.ok([31, 44, 45].includes(reply.errorCode), `${what} under another name: ${reply.errorCode}`);
      }
      await logIn(realm, 'alice', 'Alice.pass1');
    },
  );

  await t.test('a ticket forged with the key of krbtgt or of a service is refused', async (t) => {
    const good = await changepw(realm, 'alice', 'Alice.pass1');
    const { encPart } = good.ticket;
    const plain = nodeCrypto.decrypt(await key('kadmin/changepw', encPart.etype), 2, encPart.cipher);
    t.equal(decode(EncTicketPart, plain).cname.nameString[0], 'alice');
    for (const name of [`krbtgt/${REALM}`, 'host/there']) {
      const cipher = nodeCrypto.encrypt(await key(name, encPart.etype), 2, plain);
      const forged = { ...good, ticket: { ...good.ticket, encPart: { ...encPart, cipher } } };
      t.match(unsigned(await ask(request(realm, forged))), { result: RESULT.auth, errorCode: 31 }, name);
    }
  });

  await t.test('a ticket for kadmin/changepw is no ticket-granting ticket', async (t) => {
    const credential = await changepw(realm, 'alice', 'Alice.pass1');
    const krbtgt = nameOf('krbtgt', REALM);
    for (const sname of [CHANGEPW, krbtgt]) {
      const asTgt = {
        ...credential,
        server: { realm: REALM, name: krbtgt },
        ticket: { ...credential.ticket, sname },
      };
      await t.rejects(
        getServiceTicket(realm.context, asTgt, { name: nameOf('host', 'there'), realm: REALM }),
        { code: sname === CHANGEPW ? 'krb-ap-err-not-us' : 'krb-ap-err-bad-integrity' },
      );
    }
  });

  await t.test('users of another realm are told where their password is changed', async (t) => {
    const good = await changepw(realm, 'alice', 'Alice.pass1');
    const client = { realm: 'AD.EXAMPLE', name: good.client.name };
    const foreign = { ...(await reissued(realm, good, { crealm: client.realm })), client };
    for (const target of [client, user('bob'), user('alice')]) {
      await t.rejects(setPassword(realm.context, foreign, { target, newPassword: 'Taken.over1' }), {
        code: 'kpasswd-accessdenied',
        message: /belongs to another realm, and its password is changed there\. It is AD\.EXAMPLE\./,
      });
      t.match(realm.lastEvent(), { reason: 'kpasswd-foreign-client', client: 'alice@AD.EXAMPLE' });
    }
  });

  await t.test('expired, bound to another address, or with a clock too far off: refused', async (t) => {
    const credential = await changepw(realm, 'alice', 'Alice.pass1');
    const caddr = [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 2) }];
    const elsewhere = await reissued(realm, credential, { caddr });
    t.match(unsigned(await ask(request(realm, elsewhere))), { result: RESULT.auth, errorCode: 38 });

    const fast = new FakeClock(realm.clock.seconds + 301);
    const late = request({ ...realm, clock: fast }, credential);
    t.match(unsigned(await ask(late)), { result: RESULT.auth, errorCode: 37, text: /ahead/ });
    realm.clock.advance(601);
    t.match(unsigned(await ask(request(realm, credential))), { result: RESULT.auth, errorCode: 32 });
  });

  await t.test('the same request again is a replay; after a restart, too', async (t) => {
    const credential = await changepw(realm, 'alice', 'Alice.pass1');
    const bytes = request(realm, credential, {
      version: 0xff80,
      userData: encode(ChangePasswdData, { newpasswd: utf8('Bob.pass9'), targname: nameOf('bob') }).slice(),
    });
    await ask(bytes);
    t.match(realm.lastEvent(), { outcome: 'set' });
    t.match(unsigned(await ask(bytes)), { result: RESULT.auth, errorCode: 34 });
    realm.clock.advance(2);
    realm.restart();
    t.match(unsigned(await ask(bytes)), { result: RESULT.auth, errorCode: 34 });
    await ask(request(realm, credential));
    t.match(realm.lastEvent(), { outcome: 'changed' }, 'what is new is served');
  });
});

await t.test('messages', async (t) => {
  const realm = await someRealm(t);
  const credential = await changepw(realm, 'bob', 'Bob.pass1');
  const ask = (bytes: Uint8Array) => realm.kpasswd(bytes, CLIENT_ADDRESS);

  await t.test('CVE-2002-2443: no reply, and nothing else that is no request, is answered', async (t) => {
    const signed = present(await ask(request(realm, await changepw(realm, 'dora', 'Dora.pass1'))));
    const framed = present(await ask(request(realm, await logIn(realm, 'bob', 'Bob.pass1'))));
    const bare = present(await ask(request(realm, credential, { version: 0xff80, privSeqNumber: 8 })));
    const good = request(realm, credential);
    const wrong = good.slice();
    wrong[1] = (wrong[1] ?? 0) ^ 1;
    for (const bytes of [signed, framed, bare, new Uint8Array(0), new Uint8Array(70_000), wrong]) {
      t.equal(await ask(bytes), undefined);
      t.match(realm.lastEvent(), { outcome: 'dropped', reason: 'kpasswd-not-a-request' });
    }
    for (let length = 0; length < good.length; length += 7)
      t.equal(await ask(good.subarray(0, length)), undefined);
  });

  await t.test('each fault gets its result code, and nothing is changed', async (t) => {
    const fresh = nodeCrypto.randomKey(credential.key.etype);
    const cases: readonly [what: string, parts: Parts, result: number, reason: string, signed: boolean][] = [
      ['an unknown version', { version: 2 }, RESULT.version, 'kpasswd-version', false],
      ['no subkey', { subkey: 'none' }, RESULT.auth, 'kpasswd-no-subkey', false],
      [
        'the session key instead of the subkey',
        { privKey: credential.key },
        RESULT.auth,
        'kpasswd-data-integrity',
        false,
      ],
      ['another key', { privKey: fresh }, RESULT.auth, 'kpasswd-data-integrity', false],
      ['another etype', { privEtype: 17 }, RESULT.auth, 'kpasswd-data-integrity', false],
      ['another key usage', { usage: 14 }, RESULT.auth, 'kpasswd-data-integrity', false],
      ['another sequence number', { privSeqNumber: 8 }, RESULT.auth, 'kpasswd-sequence', true],
      ['no sequence number', { privSeqNumber: undefined }, RESULT.auth, 'kpasswd-sequence', true],
      ['no ChangePasswdData', { version: 0xff80 }, RESULT.malformed, 'kpasswd-malformed', true],
    ];
    for (const [what, parts, result, reason, signed] of cases) {
      const reply = present(await ask(request(realm, credential, parts)));
      t.match(realm.lastEvent(), { outcome: 'refused', reason }, what);
      t.equal('apRep' in decodeKpasswdReply(reply), signed, `${what}: signed`);
      if (!signed) t.equal(unsigned(reply).result, result, what);
    }
    const foreignSubkey = request(realm, credential, { subkey: nodeCrypto.randomKey(17) });
    await ask(foreignSubkey);
    t.match(realm.lastEvent(), { outcome: 'changed' }, 'a subkey of another strong etype is as good');
  });

  await t.test('an error has a frame around it where version 1 was asked, and none else', async (t) => {
    const framed = present(await ask(request(realm, credential, { subkey: 'none' })));
    t.equal(framed[0], 0);
    const bare = present(await ask(request(realm, credential, { subkey: 'none', version: 0xff80 })));
    t.equal(bare[0], 0x7e);
    t.strictSame(unsigned(framed), unsigned(bare));
  });

  await t.test('any bit flipped: never an error of ours, and never another password', async (t) => {
    const credential = await changepw(realm, 'alice', 'Alice.pass1');
    const good = request(realm, credential);
    let done = 0;
    for (let bit = 0; bit < 8 * good.length; bit += 37) {
      const bytes = good.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await ask(bytes);
      const { outcome, reason } = realm.lastEvent();
      t.not(reason, 'kpasswd-internal-error');
      if (outcome === 'changed') done++;
    }
    // Types of names and the options of an AP-REQ stand outside all encryption, and do not matter; and then there is the replay cache.
    t.ok(done <= 1, `${done} were served`);
    await logIn(realm, 'alice', done === 0 ? 'Alice.pass1' : 'New.pass1');
  });

  await t.test('a store that fails is told in general words, and the log in particular ones', async (t) => {
    const failing = await someRealm(t);
    const dora = await changepw(failing, 'dora', 'Dora.pass1');
    const { principals } = failing.accounts;
    const change: typeof principals.change = () => Promise.reject(new Error('disk is full'));
    Object.assign(failing.accounts, { principals: { ...principals, change } });
    const error = await setPassword(failing.context, dora, {
      target: user('dora'),
      newPassword: 'New.pass1',
    }).catch((thrown: unknown) => thrown);
    t.match(error, { code: 'kpasswd-harderror', message: /failed to change the password/ });
    t.notMatch((error as Error).message, /disk/);
    t.match(failing.lastEvent(), { reason: 'kpasswd-internal-error', detail: /disk is full/ });
  });
});

await t.test('work waits in a queue of bounded length, one at a time', async (t) => {
  const queue = createQueue({ waiting: 3, perClient: 2 });
  const log: string[] = [];
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const piece = (client: string, i: number, fails = false) =>
    queue.run(client, async () => {
      log.push(`${i} begins`);
      await gates[i]?.promise;
      log.push(`${i} ends`);
      if (fails) throw new Error('failed');
      return i;
    });
  const first = piece('a', 0, true);
  const second = piece('a', 1);
  t.equal(piece('a', 9), undefined, 'a third of the same client');
  const third = piece('b', 2);
  t.equal(piece('c', 9), undefined, 'a fourth of anybody');
  gates[2]?.resolve();
  gates[1]?.resolve();
  gates[0]?.resolve();
  await t.rejects(present(first), /failed/);
  t.equal(await present(second), 1);
  t.equal(await present(third), 2);
  t.strictSame(log, ['0 begins', '0 ends', '1 begins', '1 ends', '2 begins', '2 ends']);
  t.equal(await present(queue.run('a', () => Promise.resolve('again'))), 'again');
});

await t.test('a request that is read stays as it was: only the service’s own copy is wiped', async (t) => {
  const realm = await someRealm(t);
  const bytes = request(realm, await changepw(realm, 'bob', 'Bob.pass1'));
  const copy = bytes.slice();
  await realm.kpasswd(bytes, CLIENT_ADDRESS);
  t.equal(toHex(bytes), toHex(copy));
  t.equal(decodeKpasswdRequest(bytes).version, 1);
});
