import t from 'tap';
import { verifyApReq } from '../../src/ap/verify-ap-req.ts';
import { ClientError } from '../../src/client/index.ts';
import { decode } from '../../src/codec/der/type.ts';
import { AsReq } from '../../src/codec/krb5/kdc.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { PasswordProof } from '../../src/http/password-proof.ts';
import { createPasswordProver } from '../../src/http/prove-password.ts';
import { PaType } from '../../src/spec/pa-types.ts';
import { AD_REALM } from '../support/foreign-tickets.ts';
import { REALM } from '../support/memory-realm.ts';
import { present } from '../support/present.ts';
import { DEVICE, type Proving, startProving } from '../support/proving.ts';
import { PASSWORD, TwoRealms } from '../support/two-realms.ts';

const BOB = 'Bob.pass1';

/** What a failure tells a person, without the log's part of it. */
function told(proof: PasswordProof): object {
  const { result } = proof;
  return result === 'proven' ? { result } : { result, message: proof.message, hint: proof.hint };
}

await t.test('a password of our realm', async (t) => {
  const proving = await startProving(t);
  const { prove, realms } = proving;
  const { ours } = realms;

  await t.test('is proven, and its owner has the right of the account', async (t) => {
    const proof = await prove('bob', BOB);
    t.match(proof, {
      result: 'proven',
      person: { realm: REALM, name: 'bob', rights: { login: 'Administrator', join: false } },
      expires: ours.clock.seconds + 36_000,
    });
    for (const user of [`${REALM}\\bob`, `bob@${REALM}`, '  bob ']) {
      t.match(await prove(user, BOB), { result: 'proven', person: { name: 'bob' } }, user);
    }
    t.notOk(realms.asked.includes(AD_REALM), 'nobody else was asked');
  });

  await t.test('the AP-REQ is one that the device opens with its own key', async (t) => {
    const proof = await prove('bob', BOB);
    if (proof.result !== 'proven') return t.fail(proof.message);
    const name = { nameType: 2, nameString: DEVICE.split('/') };
    const { client } = verifyApReq(
      {
        crypto: nodeCrypto,
        clock: ours.clock,
        replays: undefined,
        keys: () => proving.service(DEVICE).keys.map((one) => ({ ...one, realm: REALM, name })),
      },
      proof.apReq,
    );
    return t.match(client, { realm: REALM, name: { nameString: ['bob'] } });
  });

  await t.test('a wrong one is refused, in the words and the time of an unknown name', async (t) => {
    const { timer } = proving;
    const before = timer.time;
    const wrong = await prove('bob', 'wrong');
    t.match(wrong, { result: 'refused', reason: 'kdc-err-preauth-failed' });
    const afterWrong = timer.time;
    const unknown = await prove('nobody', 'wrong');
    t.strictSame(told(unknown), told(wrong));
    t.equal(afterWrong - before, 500);
    t.equal(timer.time - afterWrong, 500);
    t.same(ours.failed, ['bob'], 'the KDC has counted it');
  });

  await t.test(
    'that has expired, and accounts that are disabled, are told only with the right one',
    async (t) => {
      await ours.addUser('old', 'Old.pass1', { passwordExpires: 1 });
      await ours.addUser('gone', 'Gone.pass1', { disabled: true });
      t.match(await prove('old', 'Old.pass1'), { result: 'expired_password' });
      t.match(await prove('gone', 'Gone.pass1'), { result: 'locked' });
      const wrong = told(await prove('bob', 'wrong'));
      t.same(told(await prove('old', 'wrong')), wrong);
      t.same(told(await prove('gone', 'wrong')), wrong);
    },
  );

  await t.test('an account that is locked', async (t) => {
    await ours.addUser('locked', 'Locked.pass1', { lockedUntil: ours.clock.seconds + 60 });
    t.match(await prove('locked', 'Locked.pass1'), { result: 'locked', reason: 'kdc-err-client-revoked' });
  });

  await t.test(
    'of an account that may join devices and nothing else gives no login, and says so',
    async (t) => {
      await ours.addUser('stage', 'Stage.pass1', { right: 'Join-Realm' });
      t.match(await prove('stage', 'Stage.pass1'), {
        result: 'no_right',
        person: { realm: REALM, name: 'stage', rights: { login: undefined, join: true } },
      });
      t.match(
        await prove('stage', 'Stage.pass1', { service: proving.service('HTTP/realm1.example') }),
        { result: 'proven', person: { rights: { join: true } } },
        'but a ticket for the realm itself, which is where devices join',
      );
    },
  );

  await t.test('without any right is proven, without a right', async (t) => {
    await ours.addUser('plain', 'Plain.pass1');
    t.match(await prove('plain', 'Plain.pass1'), {
      result: 'proven',
      person: { rights: { login: undefined, join: false } },
    });
  });
});

await t.test('a password of a trusted realm', async (t) => {
  const proving = await startProving(t);
  const { prove, realms } = proving;

  await t.test("is proven there, and the user's groups give the right here", async (t) => {
    for (const [user, login] of [
      ['alice', 'Administrator'],
      ['carol', 'Viewer'],
      ['mallory', undefined],
    ] as const) {
      const proof = await prove(`${AD_REALM}\\${user}`, PASSWORD);
      t.match(proof, { result: 'proven', person: { realm: AD_REALM, name: user, rights: { login } } });
      t.ok(proof.result === 'proven' && proof.person.groups.length > 0, 'with the groups that came');
    }
    t.match(await prove(`alice@${AD_REALM}`, PASSWORD), { result: 'proven', person: { name: 'alice' } });
  });

  await t.test(
    'its name in other letter case, its NETBIOS name or a suffix gets a hint, and nobody is asked',
    async (t) => {
      const before = realms.asked.length;
      for (const user of [
        'ad.example.test\\alice',
        'alice@ad.example.test',
        'AD\\alice',
        'ad\\alice',
        'alice@Corp.Example',
      ]) {
        t.match(await prove(user, PASSWORD), { result: 'realm_hint', realm: AD_REALM }, user);
      }
      t.match(await prove('realm1.example\\bob', BOB), { result: 'realm_hint', realm: REALM });
      t.equal(realms.asked.length, before);
    },
  );

  await t.test(
    'a realm that is not trusted, and what is no name, are refused, and nobody is asked',
    async (t) => {
      const before = realms.asked.length;
      t.match(await prove('EVIL.EXAMPLE\\alice', PASSWORD), { result: 'refused', reason: 'unknown-realm' });
      for (const user of [
        '',
        `${AD_REALM}\\`,
        `@${AD_REALM}`,
        `${AD_REALM}\\alice/admin`,
        `${AD_REALM}\\AD\\alice`,
        `${AD_REALM}\\carol@corp.example`,
        `${AD_REALM}\\al\u200bice`,
        `${AD_REALM}\\ alice`,
        'a//b',
        'x'.repeat(300),
      ]) {
        t.match(await prove(user, PASSWORD), { result: 'refused', reason: 'bad-name' }, JSON.stringify(user));
      }
      t.equal(realms.asked.length, before);
    },
  );

  await t.test('accounts that are disabled there, and passwords that have expired', async (t) => {
    await realms.theirs.addUser('gone', PASSWORD, { disabled: true });
    await realms.theirs.addUser('old', PASSWORD, { passwordExpires: 1 });
    t.match(await prove(`${AD_REALM}\\gone`, PASSWORD), { result: 'locked' });
    t.match(await prove(`${AD_REALM}\\old`, PASSWORD), { result: 'expired_password' });
  });

  await t.test(
    'a realm that does not answer is unreachable, and its accounts are not locked for that',
    async (t) => {
      realms.answer = (bytes, realm) => {
        if (realm === AD_REALM) throw new ClientError('no-answer');
        return bytes;
      };
      for (let i = 0; i < 5; i++) {
        t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'unreachable', reason: 'no-answer' });
      }
      realms.answer = (bytes) => bytes;
      t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'proven' });
    },
  );
});

await t.test('failures at a trusted realm', async (t) => {
  const wrong = (proving: Proving, user: string): Promise<PasswordProof> =>
    proving.prove(`${AD_REALM}\\${user}`, 'wrong');

  await t.test('are counted per account before that realm locks it', async (t) => {
    const proving = await startProving(t);
    const { prove, realms } = proving;
    for (let i = 0; i < 3; i++) t.match(await wrong(proving, 'carol'), { result: 'refused' });
    const before = realms.asked.length;
    t.match(await wrong(proving, 'carol'), { result: 'locked', reason: 'too-many-failures' });
    t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'locked' }, 'the right one as well');
    for (const other of ['CAROL', 'Cárol', 'carol$', '\uff43arol'])
      t.match(await wrong(proving, other), { result: 'locked' }, `${other} is another way to write it`);
    t.equal(realms.asked.length, before, 'and nobody is asked');
    t.match(await prove(`${AD_REALM}\\alice`, PASSWORD), { result: 'proven' }, 'others may log in');
    realms.ours.clock.advance(1801);
    realms.theirs.clock.advance(1801);
    t.match(
      await prove(`${AD_REALM}\\carol`, PASSWORD),
      { result: 'proven' },
      'and she, when the window is over',
    );
    t.equal(realms.theirs.failed.length, 3);
  });

  await t.test('count together under all names that an account has there', async (t) => {
    const proving = await startProving(t);
    const { prove, realms } = proving;
    // As Active Directory knows somebody by sAMAccountName and by what stands before the @ of userPrincipalName: with the same keys and one salt.
    const carol = present(realms.theirs.principals.get('carol'));
    const names = ['c.doe', 'carol.doe', 'carol_d', 'cd'];
    for (const name of names) realms.theirs.principals.set(name, { ...carol, name });
    const answers = [];
    for (const name of ['carol', ...names]) answers.push((await wrong(proving, name)).result);
    t.same(answers, ['refused', 'refused', 'refused', 'locked', 'locked']);
    t.equal(realms.theirs.failed.length, 3);
    t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'locked', reason: 'too-many-failures' });
    t.match(await prove(`${AD_REALM}\\alice`, PASSWORD), { result: 'proven' }, 'others have another salt');
    t.equal((await wrong(proving, 'nobody')).result, 'refused');
    realms.ours.clock.advance(1801);
    realms.theirs.clock.advance(1801);
    for (let round = 0; round < 3; round++) {
      t.match(await wrong(proving, 'cd'), { result: 'refused' });
      t.match(await wrong(proving, 'carol'), { result: 'refused' });
      t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'proven' }, 'a login takes back both');
    }
    t.equal(realms.theirs.failed.length, 9);
  });

  await t.test('side by side are no more than those one after the other', async (t) => {
    const proving = await startProving(t);
    const proofs = await Promise.all(Array.from({ length: 20 }, () => wrong(proving, 'carol')));
    t.equal(proving.realms.theirs.failed.length, 3);
    t.equal(proofs.filter(({ result }) => result === 'refused').length, 3);
    t.equal(proofs.filter(({ result }) => result === 'locked').length, 17);
  });

  await t.test('of names that do not exist count alike', async (t) => {
    const proving = await startProving(t);
    const wrongs = [];
    for (let i = 0; i < 4; i++) wrongs.push(told(await wrong(proving, 'carol')));
    const unknowns = [];
    for (let i = 0; i < 4; i++) unknowns.push(told(await wrong(proving, 'nobody')));
    t.strictSame(unknowns, wrongs);
  });

  await t.test('a realm that tells who exists is not quicker to tell it through us', async (t) => {
    const proving = await startProving(t);
    const { timer, realms } = proving;
    const theirs = realms.theirs;
    Object.assign(theirs.options.policy, { revealUnknownClients: true });
    const start = timer.time;
    const unknown = await wrong(proving, 'nobody');
    t.match(unknown, { result: 'refused', reason: 'kdc-err-c-principal-unknown' });
    t.equal(timer.time - start, 500);
    t.strictSame(told(unknown), told(await wrong(proving, 'carol')));
  });

  await t.test('are forgotten when the right one comes', async (t) => {
    const proving = await startProving(t);
    const right = (): Promise<PasswordProof> => proving.prove(`${AD_REALM}\\carol`, PASSWORD);
    for (let round = 0; round < 3; round++) {
      t.match(await wrong(proving, 'carol'), { result: 'refused' });
      t.match(await wrong(proving, 'carol'), { result: 'refused' });
      t.match(await right(), { result: 'proven' });
    }
    const many = await Promise.all(Array.from({ length: 20 }, right));
    t.ok(
      many.every(({ result }) => result === 'proven'),
      'many at a time are not taken for failures',
    );
  });

  await t.test('a password that may have arrived counts, though nobody says what became of it', async (t) => {
    const proving = await startProving(t);
    let lost = 0;
    proving.realms.answer = (bytes, realm) => {
      if (realm !== AD_REALM || bytes[0] !== 0x7e) return bytes;
      if (lost++ % 2 === 0) return bytes;
      throw new ClientError('no-answer');
    };
    for (let i = 0; i < 3; i++) t.match(await wrong(proving, 'carol'), { result: 'unreachable' });
    t.match(await wrong(proving, 'carol'), { result: 'locked' });
    t.equal(proving.realms.theirs.failed.length, 3);
  });

  await t.test('a password is sent once, to one KDC', async (t) => {
    let sent = 0;
    const proving = await startProving(t, {
      change: (_, realms) => ({
        client: () => {
          const client = realms.client();
          return {
            ...client,
            send: (realm, message, options) => {
              const padata = message[0] === 0x6a ? (decode(AsReq, message).padata ?? []) : [];
              if (padata.some(({ padataType }) => padataType === PaType.ENC_TIMESTAMP)) sent++;
              return client.send(realm, message, options);
            },
          };
        },
      }),
    });
    await wrong(proving, 'carol');
    t.equal(sent, 1);
  });
});

await t.test('clocks that differ', async (t) => {
  for (const offset of [600, -600]) {
    await t.test(`by ${offset} seconds are told, and count neither as failure nor as success`, async (t) => {
      const { prove, realms } = await startProving(t);
      for (let i = 0; i < 2; i++) await prove(`${AD_REALM}\\carol`, 'wrong');
      realms.theirs.clock.advance(offset);
      for (let i = 0; i < 4; i++) {
        t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'clock', offset });
      }
      realms.theirs.clock.advance(-offset);
      t.match(await prove(`${AD_REALM}\\carol`, 'wrong'), { result: 'refused' });
      t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), { result: 'locked' }, 'three failures, as before');
    });
  }

  await t.test('are limited by address, as they confirm a password', async (t) => {
    const { prove, realms } = await startProving(t, { limit: { maxFailures: 2, window: 600 } });
    realms.theirs.clock.advance(600);
    await prove(`${AD_REALM}\\carol`, PASSWORD);
    await prove(`${AD_REALM}\\alice`, PASSWORD);
    t.match(await prove(`${AD_REALM}\\carol`, PASSWORD), {
      result: 'locked',
      reason: 'too-many-from-address',
    });
  });
});

await t.test('one password tried on many accounts is bounded by address', async (t) => {
  const { prove } = await startProving(t, { limit: { maxFailures: 3, window: 600 } });
  for (const user of ['a', 'b', 'c']) {
    t.match(await prove(user, 'Summer2026', { address: '2001:db8:1:2::1' }), { result: 'refused' });
  }
  const next = await prove('bob', BOB, { address: '2001:db8:1:2:ffff::99' });
  t.match(next, { result: 'locked', reason: 'too-many-from-address' }, 'an IPv6 host owns a /64');
  t.match(await prove('bob', BOB, { address: '2001:db8:1:3::1' }), { result: 'proven' }, 'others go on');
  for (let i = 0; i < 5; i++)
    t.match(await prove('bob', BOB, { address: '192.0.2.7' }), { result: 'proven' }, 'logins cost nothing');

  const burst = await Promise.all(
    Array.from({ length: 200 }, (_, i) => prove(`user${i}`, 'Summer2026', { address: '192.0.2.8' })),
  );
  const tried = burst.filter(({ result }) => result === 'refused').length;
  t.ok(tried < 64 + 3, `of 200 at once ${tried} are tried: those that have to wait find the address blocked`);
});

await t.test('a realm whose servers are silent keeps nobody waiting but its own people', async (t) => {
  const [silent, gone] = [Promise.withResolvers<never>(), new AbortController()];
  const { prove, options } = await startProving(t, {
    change: (base) => ({
      client: (address) => ({
        ...base.client(address),
        send: (realm, ...rest) =>
          realm === AD_REALM ? silent.promise : base.client(address).send(realm, ...rest),
      }),
    }),
  });
  const prover = createPasswordProver(options);
  const password = new TextEncoder().encode(PASSWORD);
  const service = { name: DEVICE, keys: [] };
  const held = Array.from({ length: 100 }, (_, i) => {
    const attempt = { user: `${AD_REALM}\\user${i}`, password, service, address: `192.0.2.${i}` };
    return t.rejects(prover.prove(attempt, gone.signal));
  });
  t.match(await prove('bob', BOB), { result: 'proven' });
  gone.abort(new Error('gone'));
  silent.reject(new Error('gone'));
  await Promise.all(held);
});

await t.test('a KDC that knows the password, but not our keys, is unmasked', async (t) => {
  await t.test('in the place of our own', async (t) => {
    const evil = await startProving(t);
    await evil.realms.ours.addUser('bob', BOB, { right: 'Administrator' });
    const { prove } = await startProving(t, { change: () => ({ client: () => evil.realms.client() }) });
    t.match(await prove('bob', BOB), { result: 'refused', reason: 'kdc-not-proven' });
  });

  await t.test("in the place of the trusted realm's", async (t) => {
    const evil = await TwoRealms.create();
    await evil.rotate('Another.Secret-2');
    evil.trustThere();
    await evil.theirs.addUser('carol', PASSWORD, { right: 'Administrator' });
    const proving = await startProving(t, {
      change: (_, realms) => ({
        client: () => {
          const [ours, theirs] = [realms.client(), evil.client()];
          return {
            ...ours,
            send: (realm, message, options) =>
              (realm === AD_REALM ? theirs : ours).send(realm, message, options),
          };
        },
      }),
    });
    for (let i = 0; i < 5; i++) {
      t.match(await proving.prove(`${AD_REALM}\\carol`, PASSWORD), {
        result: 'refused',
        reason: 'kdc-not-proven',
      });
    }
  });

  await t.test('one that does not even know the password comes no further', async (t) => {
    const evil = await startProving(t);
    await evil.realms.ours.addUser('bob', 'guess', { right: 'Administrator' });
    const { prove } = await startProving(t, { change: () => ({ client: () => evil.realms.client() }) });
    t.match(await prove('bob', BOB), { result: 'refused' });
  });
});

await t.test('a password is left as it was: whoever made it wipes it', async (t) => {
  const { prove } = await startProving(t);
  const password = new TextEncoder().encode(BOB);
  t.match(await prove('bob', '', { password }), { result: 'proven' });
  t.same(password, new TextEncoder().encode(BOB));
});

await t.test('a caller who does not wait any longer ends the login', async (t) => {
  const { realms, options } = await startProving(t);
  const gone = new AbortController();
  realms.answer = (bytes) => {
    gone.abort(new Error('gone'));
    return bytes;
  };
  const attempt = {
    user: 'bob',
    password: new TextEncoder().encode(BOB),
    service: { name: DEVICE, keys: [] },
    address: '192.0.2.1',
  };
  await t.rejects(createPasswordProver(options).prove(attempt, gone.signal), { message: 'gone' });
});
