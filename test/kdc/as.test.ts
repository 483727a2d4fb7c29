import t from 'tap';
import { fromHex } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { Checksum, EncryptedData, MethodData, type PrincipalName } from '../../src/codec/krb5/basic.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { AsRep, EncAsRepPart } from '../../src/codec/krb5/kdc.ts';
import { PaPacRequest } from '../../src/codec/krb5/padata.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { KdcOption, TicketFlag } from '../../src/spec/flags.ts';
import { MemoryRealm, randomKey, REALM } from '../support/memory-realm.ts';
import {
  ask,
  askForError,
  asReq,
  body,
  encTimestamp,
  etypeInfo2,
  login,
  name,
  openedPart,
  ORIGIN,
} from '../support/requests.ts';

async function realmWithAlice(policy = {}): Promise<MemoryRealm> {
  const realm = new MemoryRealm(policy);
  await realm.addUser('alice', 'correct horse', { right: 'Administrator' });
  return realm;
}

await t.test('a client without preauthentication is told what to send', async (t) => {
  const realm = await realmWithAlice();
  const error = await askForError(realm, asReq(body(realm.clock, { cname: name('alice') })));
  t.equal(error.errorCode, ErrorCode.KDC_ERR_PREAUTH_REQUIRED);
  t.equal(error.stime, realm.clock.seconds, "stime is the server's clock");
  t.same(
    etypeInfo2(error).map(({ etype, salt }) => [etype, salt]),
    [20, 19, 18, 17].map((etype) => [etype, `${REALM}alice`]),
    'strongest etype first, each with its salt',
  );
  const types = decode(MethodData, error.eData as Uint8Array).map(({ padataType }) => padataType);
  t.same(types, [19, 2], 'ETYPE-INFO2 and PA-ENC-TIMESTAMP are offered');
  t.match(realm.lastEvent(), { outcome: 'challenged', reason: 'preauth-required', client: `alice@${REALM}` });
});

await t.test('an unknown name looks like a known one', async (t) => {
  const realm = await realmWithAlice();
  await realm.addUser('known', 'x');
  realm.change('known', {
    keys: (realm.principals.get('known')?.keys ?? []).map((key) => ({ ...key, s2kparams: undefined })),
  });
  const shape = async (who: string, padata?: Parameters<typeof asReq>[1]): Promise<unknown> => {
    const error = await askForError(realm, asReq(body(realm.clock, { cname: name(who) }), padata));
    const padataTypes = decode(MethodData, error.eData as Uint8Array).map(({ padataType }) => padataType);
    const entries = etypeInfo2(error).map(({ etype, salt, s2kparams }) => [
      etype,
      salt?.replace(who, '*'),
      s2kparams,
    ]);
    return { code: error.errorCode, text: error.eText, padataTypes, entries };
  };
  t.same(await shape('ghost'), await shape('known'), 'the same challenge');
  const wrong = [encTimestamp(nodeCrypto.randomKey(20), realm.clock.seconds)];
  t.same(await shape('ghost', wrong), await shape('known', wrong), 'the same error for a wrong password');
  t.equal(realm.lastEvent().reason, 'wrong-password', 'the log knows more than the client is told');
  t.same(realm.failed, ['known']);

  const open = await realmWithAlice({ revealUnknownClients: true });
  const error = await askForError(open, asReq(body(open.clock, { cname: name('ghost') })));
  t.equal(
    error.errorCode,
    ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN,
    'unless policy.revealUnknownClients says so',
  );
});

await t.test('a correct password gets a ticket-granting ticket', async (t) => {
  const realm = await realmWithAlice();
  const options =
    KdcOption.FORWARDABLE | KdcOption.PROXIABLE | KdcOption.RENEWABLE | KdcOption.ALLOW_POSTDATE;
  const tgt = await login(realm, 'alice', {
    body: { kdcOptions: options, rtime: realm.clock.seconds + 90_000, till: realm.clock.seconds + 3600 },
  });
  const { FORWARDABLE, PROXIABLE, RENEWABLE, MAY_POSTDATE, INITIAL, PRE_AUTHENT } = TicketFlag;
  t.equal(
    tgt.reply.flags,
    (FORWARDABLE | PROXIABLE | RENEWABLE | MAY_POSTDATE | INITIAL | PRE_AUTHENT) >>> 0,
  );
  t.equal(tgt.reply.endtime, realm.clock.seconds + 3600);
  t.equal(tgt.reply.renewTill, realm.clock.seconds + 90_000);
  t.equal(tgt.reply.starttime, realm.clock.seconds);
  const part = openedPart(tgt, realm.key(`krbtgt/${REALM}`, 20));
  t.same(part.key.keyvalue, tgt.key.bytes, 'the ticket holds the session key that the client got');
  t.equal(part.authtime, realm.clock.seconds);
  t.same(realm.succeeded, ['alice']);
  t.match(realm.lastEvent(), { outcome: 'issued', ticketEtype: 20, sessionEtype: 20, replyEtype: 20 });
});

await t.test('CVE-2022-37966: the encryption types follow what both sides have', async (t) => {
  const realm = await realmWithAlice();
  const weak = await login(realm, 'alice', { etype: 17, body: { etype: [17, 23] } });
  t.equal(weak.key.etype, 17, 'session key of the only common etype');
  t.equal(weak.ticket.encPart.etype, 20, "the ticket itself is the realm's own affair");
  const strong = await login(realm, 'alice', { etype: 18, body: { etype: [17, 18] } });
  t.equal(strong.key.etype, 18, 'the strongest of the common ones');
  for (const etype of [[23], [3, 1], []]) {
    const error = await askForError(realm, asReq(body(realm.clock, { cname: name('alice'), etype })));
    t.equal(
      error.errorCode,
      ErrorCode.KDC_ERR_ETYPE_NOSUPP,
      `nothing in common with ${etype.join(', ') || 'none'}`,
    );
  }
  realm.add({ name: 'host/old', keys: [randomKey(17, 1)] });
  const old = await login(realm, 'alice', { body: { sname: name('host/old') } });
  t.equal(old.key.etype, 17, 'a service gets a session key that it understands');
});

await t.test('guessing is slowed down by address and by name, and nobody else is', async (t) => {
  const throttle = { perAddress: 6, perPrincipal: 3, window: 600 };
  const realm = await realmWithAlice({ throttle });
  const wrong = nodeCrypto.randomKey(20);
  const tries = async (cname: PrincipalName, address: string, seconds = 0, key = wrong): Promise<string> => {
    const request = asReq(body(realm.clock, { cname }), [encTimestamp(key, realm.clock.seconds + seconds)]);
    await ask(realm, request, { ...ORIGIN, address });
    return realm.lastEvent().reason ?? 'issued';
  };
  const alice = name('alice');
  const key = realm.key('alice', 20);
  const enterprise = (text: string) => ({ nameType: 10, nameString: [text] });

  await t.test('a name has so many guesses, however it is spelt and wherever they come from', async (t) => {
    const spelt = [alice, enterprise(`alice@${REALM}`), enterprise(`alice@${REALM.toLowerCase()}`)];
    for (const [i, cname] of spelt.entries()) t.equal(await tries(cname, `192.0.2.${i}`), 'wrong-password');
    const failures = realm.failed.length;
    t.equal(await tries(alice, '192.0.2.9'), 'throttled');
    t.equal(await tries(alice, '192.0.2.9', 0, key), 'throttled', 'no password is tried');
    t.equal(realm.failed.length, failures, 'and nothing is counted');
    const error = await askForError(realm, asReq(body(realm.clock, { cname: alice })));
    t.equal(error.errorCode, ErrorCode.KDC_ERR_PREAUTH_REQUIRED, 'the challenge needs no password');
    realm.clock.advance(199);
    t.equal(await tries(alice, '192.0.2.9'), 'throttled');
    realm.clock.advance(1);
    t.equal(await tries(alice, '192.0.2.9', 0, key), 'issued', 'a third of the window is one more');
    t.equal(await tries(alice, '192.0.2.9', 0, key), 'issued', 'and who has the password may go on');
    t.equal(await tries(alice, '192.0.2.9'), 'wrong-password');
    t.equal(await tries(alice, '192.0.2.9'), 'throttled');
  });

  await t.test('one that does not exist is treated alike', async (t) => {
    for (let i = 0; i < 3; i++) t.equal(await tries(name('nobody'), `192.0.3.${i}`), 'unknown-client');
    t.equal(await tries(enterprise(`nobody@${REALM}`), '192.0.3.9'), 'throttled');
  });

  await t.test('an address has so many guesses at all names together; of IPv6 a whole /64', async (t) => {
    realm.clock.advance(6000);
    for (const address of ['192.0.2.77', '2001:db8::']) {
      const last = (i: number): string => (address.includes(':') ? `${address}${i + 1}` : address);
      for (let i = 0; i < 5; i++) t.equal(await tries(name(`user${i}${address}`), last(i)), 'unknown-client');
      t.equal(await tries(alice, last(5), 600, key), 'preauth-skew', 'a wrong clock counts here alone');
      t.equal(await tries(name('another'), last(6)), 'throttled');
      t.equal(await tries(alice, last(6), 0, key), 'throttled');
    }
    t.equal(await tries(alice, '::ffff:192.0.2.77', 0, key), 'throttled', 'the same address');
    t.equal(await tries(alice, '2001:db8:0:1::1', 0, key), 'issued', 'another network');
    t.equal(await tries(alice, '192.0.2.78', 0, key), 'issued', 'alice is not to blame');
  });

  await t.test('successes cost nothing', async (t) => {
    realm.clock.advance(6000);
    for (let i = 0; i < 50; i++) await login(realm, 'alice');
    t.equal(realm.lastEvent().outcome, 'issued');
  });

  await t.test('0 is no limit', async (t) => {
    const free = await realmWithAlice({ throttle: { ...throttle, perAddress: 0, perPrincipal: 0 } });
    for (let i = 0; i < 100; i++) {
      await askForError(
        free,
        asReq(body(free.clock, { cname: alice }), [encTimestamp(wrong, free.clock.seconds)]),
      );
      t.equal(free.lastEvent().reason, 'wrong-password');
    }
  });
});

await t.test(
  'a burst of guesses does not overtake the lock, which the store sets a moment later',
  async (t) => {
    const lockout = { maxFailures: 3, window: 900, duration: 60 };
    const realm = await realmWithAlice({ lockout });
    const wrong = nodeCrypto.randomKey(20);
    const guess = async (key = wrong): Promise<string> => {
      await ask(
        realm,
        asReq(body(realm.clock, { cname: name('alice') }), [encTimestamp(key, realm.clock.seconds)]),
      );
      return realm.lastEvent().reason ?? 'issued';
    };
    const right = realm.key('alice', 20);
    const reasons = async (count: number): Promise<string[]> => {
      const all: string[] = [];
      for (let i = 0; i < count; i++) all.push(await guess());
      return all;
    };
    const wrongs = Array.from({ length: 3 }, () => 'wrong-password');
    t.same(await reasons(5), [...wrongs, 'client-locked', 'client-locked']);
    t.equal(realm.failed.length, 3, 'the store is told of those that were tried');
    t.equal(await guess(right), 'client-locked');
    realm.clock.advance(60);
    t.equal(await guess(right), 'issued');
    t.same(await reasons(2), wrongs.slice(1));
    t.equal(await guess(right), 'issued', 'a success takes them back');
    t.same(await reasons(2), wrongs.slice(1));
    realm.clock.advance(901);
    t.same(await reasons(3), wrongs, 'so does a quiet time');
    t.equal(await guess(), 'client-locked');
    realm.change('alice', { lockedUntil: undefined });
    t.equal(await guess(right), 'issued', 'and an administrator who unlocks the account');
  },
);

await t.test('a request of another version than 5 is told so', async (t) => {
  const realm = await realmWithAlice();
  for (const pvno of [0, 4, 6]) {
    const request = asReq(body(realm.clock, { cname: name('alice') }));
    // 6A len 30 len A1 03 02 01 pvno
    const at =
      request.findIndex((octet, i) => octet === 0xa1 && request[i + 1] === 3 && request[i + 2] === 2) + 4;
    request[at] = pvno;
    const error = await askForError(realm, request);
    t.equal(error.errorCode, ErrorCode.KDC_ERR_BAD_PVNO);
    t.match(realm.lastEvent(), { reason: 'wrong-version', outcome: 'refused' });
  }
});

await t.test('RC4 and DES are refused whatever the client sends', async (t) => {
  const realm = await realmWithAlice();
  const timestamp = { padataType: 2, padataValue: fromHex('300fa003020117a20804060102030405ff') };
  const request = asReq(body(realm.clock, { cname: name('alice'), etype: [23, 20] }), [timestamp]);
  t.equal((await askForError(realm, request)).errorCode, ErrorCode.KDC_ERR_ETYPE_NOSUPP);
});

await t.test('CVE-2019-14844: encryption types that are none (RFC 4556) are passed over', async (t) => {
  const realm = await realmWithAlice();
  // "dsaWithSHA1-CmsOID" (9) to "des-ede3-cbc-Env-OID" (15): a PKINIT client lists them to say which CMS it understands.
  const cms = [9, 10, 11, 12, 13, 14, 15];
  for (const etype of [...cms.map((one) => [one]), cms]) {
    const error = await askForError(realm, asReq(body(realm.clock, { cname: name('alice'), etype })));
    t.equal(error.errorCode, ErrorCode.KDC_ERR_ETYPE_NOSUPP, etype.join(', '));
    const { key } = await login(realm, 'alice', { body: { etype: [...etype, 20, ...etype] } });
    t.equal(key.etype, 20, `${etype.join(', ')} around one that is`);
  }
  for (const etype of cms) {
    const padataValue = encode(EncryptedData, { etype, cipher: new Uint8Array(64) });
    const request = asReq(body(realm.clock, { cname: name('alice') }), [{ padataType: 2, padataValue }]);
    t.equal(
      (await askForError(realm, request)).errorCode,
      ErrorCode.KDC_ERR_ETYPE_NOSUPP,
      `made with ${etype}`,
    );
  }
  t.notOk(realm.events.some(({ reason }) => reason === 'internal-error'));
});

await t.test(
  "clock skew is told with the server's time and counts neither as failure nor as success",
  async (t) => {
    const realm = await realmWithAlice();
    for (const [offset, code] of [
      [301, ErrorCode.KRB_AP_ERR_SKEW],
      [-301, ErrorCode.KRB_AP_ERR_SKEW],
    ] as const) {
      const padata = [encTimestamp(realm.key('alice', 20), realm.clock.seconds + offset)];
      const error = await askForError(realm, asReq(body(realm.clock, { cname: name('alice') }), padata));
      t.equal(error.errorCode, code);
      t.equal(error.stime, realm.clock.seconds);
      t.match(error.eText, /301 seconds (ahead|behind)/);
    }
    const padata = [encTimestamp(realm.key('alice', 20), realm.clock.seconds + 300)];
    const bytes = await ask(realm, asReq(body(realm.clock, { cname: name('alice') }), padata));
    t.equal(bytes[0], 0x6b, 'up to clockSkew is fine');
    t.same([realm.failed, realm.succeeded], [[], ['alice']]);
  },
);

await t.test('disabled, expired and must-change are told only to who knows the password', async (t) => {
  const realm = await realmWithAlice();
  const now = realm.clock.seconds;
  const states = [
    [{ disabled: true }, ErrorCode.KDC_ERR_CLIENT_REVOKED, 'client-disabled'],
    [{ expires: now }, ErrorCode.KDC_ERR_NAME_EXP, 'client-expired'],
    [{ passwordExpires: 0 }, ErrorCode.KDC_ERR_KEY_EXPIRED, 'password-expired'],
  ] as const;
  const original = realm.principals.get('alice');
  for (const [state, code, reason] of states) {
    realm.principals.set('alice', { ...(original as NonNullable<typeof original>), ...state });
    const without = await askForError(realm, asReq(body(realm.clock, { cname: name('alice') })));
    t.equal(without.errorCode, ErrorCode.KDC_ERR_PREAUTH_REQUIRED, `${reason}: nothing is told before`);
    const wrong = [encTimestamp(nodeCrypto.randomKey(20), now)];
    const failed = await askForError(realm, asReq(body(realm.clock, { cname: name('alice') }), wrong));
    t.equal(failed.errorCode, ErrorCode.KDC_ERR_PREAUTH_FAILED);
    const right = [encTimestamp(realm.key('alice', 20), now)];
    const told = await askForError(realm, asReq(body(realm.clock, { cname: name('alice') }), right));
    t.equal(told.errorCode, code);
    t.equal(realm.lastEvent().reason, reason);
  }
  const change = await login(realm, 'alice', { body: { sname: name('kadmin/changepw') } });
  t.equal(change.reply.sname.nameString[0], 'kadmin', 'an expired password still gets a ticket to change it');
  realm.change('alice', { passwordExpires: undefined, lockedUntil: now + 60 });
  const padata = [encTimestamp(realm.key('alice', 20), now)];
  await askForError(realm, asReq(body(realm.clock, { cname: name('alice') }), padata));
  t.equal(
    realm.lastEvent().reason,
    'client-locked',
    'a locked account is refused even with the right password',
  );
});

await t.test('lifetimes are bounded by client, service and realm', async (t) => {
  const realm = await realmWithAlice();
  const now = realm.clock.seconds;
  t.equal(
    (await login(realm, 'alice', { body: { till: 0 } })).reply.endtime,
    now + 36_000,
    'till 1970 means forever',
  );
  realm.change('alice', { maxLife: 600 });
  t.equal((await login(realm, 'alice')).reply.endtime, now + 600);
  realm.change(`krbtgt/${REALM}`, { maxLife: 300 });
  t.equal((await login(realm, 'alice')).reply.endtime, now + 300);
  const padata = [encTimestamp(realm.key('alice', 20), now)];
  const past = asReq(body(realm.clock, { cname: name('alice'), till: now - 1 }), padata);
  t.equal((await askForError(realm, past)).errorCode, ErrorCode.KDC_ERR_NEVER_VALID);
  const renewable = await login(realm, 'alice', {
    body: { kdcOptions: KdcOption.RENEWABLE_OK, till: now + 86_400 },
  });
  t.equal(renewable.reply.renewTill, now + 86_400, 'renewable-ok makes up for a lifetime that is cut short');
  const forever = await login(realm, 'alice', { body: { kdcOptions: KdcOption.RENEWABLE, rtime: 0 } });
  t.equal(forever.reply.renewTill, now + 604_800);
});

await t.test('postdated tickets are invalid until validated, and only given when asked for', async (t) => {
  const realm = await realmWithAlice();
  const from = realm.clock.seconds + 3600;
  const padata = [encTimestamp(realm.key('alice', 20), realm.clock.seconds)];
  const plain = asReq(body(realm.clock, { cname: name('alice'), from }), padata);
  t.equal((await askForError(realm, plain)).errorCode, ErrorCode.KDC_ERR_CANNOT_POSTDATE);
  const postdated = await login(realm, 'alice', { body: { kdcOptions: KdcOption.POSTDATED, from } });
  t.equal(postdated.reply.starttime, from);
  t.ok(postdated.reply.flags & TicketFlag.INVALID);
  const farOff = asReq(
    body(realm.clock, { cname: name('alice'), kdcOptions: KdcOption.POSTDATED, from: from * 2 }),
    padata,
  );
  t.equal((await askForError(realm, farOff)).errorCode, ErrorCode.KDC_ERR_CANNOT_POSTDATE);
});

await t.test(
  'enc-pa-rep protects the request when the client asks for it (RFC 6806 section 11)',
  async (t) => {
    const realm = await realmWithAlice();
    const key = realm.key('alice', 20);
    const request = asReq(body(realm.clock, { cname: name('alice') }), [
      encTimestamp(key, realm.clock.seconds),
      { padataType: 149, padataValue: new Uint8Array(0) },
    ]);
    const reply = decode(AsRep, await ask(realm, request));
    const part = decode(EncAsRepPart, nodeCrypto.decrypt(key, 3, reply.encPart.cipher));
    t.ok(part.flags & TicketFlag.ENC_PA_REP);
    const checksum = decode(
      Checksum,
      part.encryptedPaData?.find((one) => one.padataType === 149)?.padataValue as Uint8Array,
    );
    t.ok(nodeCrypto.verifyChecksum(key, 56, checksum.cksumtype, request, checksum.checksum));
    const without = await login(realm, 'alice');
    t.notOk(without.reply.flags & TicketFlag.ENC_PA_REP);
    t.equal(without.reply.encryptedPaData, undefined);
  },
);

await t.test("an enterprise name of the realm is an account's name, canonicalized when asked", async (t) => {
  const realm = await realmWithAlice();
  const cname = { nameType: 10, nameString: [`alice@${REALM.toLowerCase()}`] };
  const kept = await login(realm, 'alice', { body: { cname } });
  t.same(kept.cname, cname, 'without canonicalize the name stays');
  const canonical = await login(realm, 'alice', { body: { cname, kdcOptions: KdcOption.CANONICALIZE } });
  t.same(canonical.cname, { nameType: 1, nameString: ['alice'] });
  const foreign = { nameType: 10, nameString: ['alice@other.example'] };
  const error = await askForError(
    realm,
    asReq(body(realm.clock, { cname: foreign }), [encTimestamp(realm.key('alice', 20), realm.clock.seconds)]),
  );
  t.equal(error.errorCode, ErrorCode.KDC_ERR_PREAUTH_FAILED);
  for (const nameType of [0, 1, 2, 3]) {
    t.equal(
      (await login(realm, 'alice', { body: { cname: name('alice', nameType) } })).cname.nameType,
      nameType,
    );
  }
});

await t.test('a PAC comes whether it was asked for or not', async (t) => {
  const realm = await realmWithAlice();
  for (const includePac of [true, false]) {
    const padata = [{ padataType: 128, padataValue: encode(PaPacRequest, { includePac }) }];
    const part = openedPart(await login(realm, 'alice', { padata }), realm.key(`krbtgt/${REALM}`, 20));
    t.equal(part.authorizationData?.length, 1);
  }
});

await t.test(
  "services: keytab logins work, users and the realm's own principals are no services or clients",
  async (t) => {
    const realm = await realmWithAlice();
    realm.add({ name: 'host/device1' });
    t.equal((await login(realm, 'host/device1')).cname.nameString[1], 'device1');
    const codeFor = async (sname: string, cname = 'alice', key = realm.key('alice', 20)): Promise<number> => {
      const request = asReq(body(realm.clock, { cname: name(cname), sname: name(sname) }), [
        encTimestamp(key, realm.clock.seconds),
      ]);
      return (await askForError(realm, request)).errorCode;
    };
    t.equal(await codeFor('alice'), ErrorCode.KDC_ERR_MUST_USE_USER2USER);
    t.equal(await codeFor('host/nowhere'), ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN);
    t.equal(await codeFor('krbtgt/OTHER.EXAMPLE'), ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN);
    const krbtgt = `krbtgt/${REALM}`;
    t.equal(await codeFor(krbtgt, krbtgt, realm.key(krbtgt, 20)), ErrorCode.KDC_ERR_PREAUTH_FAILED);
    realm.change('host/device1', { disabled: true });
    t.equal(await codeFor('host/device1'), ErrorCode.KDC_ERR_SERVICE_REVOKED);
    realm.change('host/device1', { disabled: false, expires: 1 });
    t.equal(await codeFor('host/device1'), ErrorCode.KDC_ERR_SERVICE_EXP);
    realm.change('host/device1', { expires: undefined, keys: [] });
    t.equal(await codeFor('host/device1'), ErrorCode.KDC_ERR_ETYPE_NOSUPP);
  },
);

await t.test("a Join-Realm account gets tickets for the realm's own services alone", async (t) => {
  const realm = await realmWithAlice();
  await realm.addUser('stage', 'x', { right: 'Join-Realm' });
  realm.add({ name: 'host/device1' });
  t.ok(await login(realm, 'stage'));
  t.ok(await login(realm, 'stage', { body: { sname: name('kadmin/changepw') } }));
  const padata = [encTimestamp(realm.key('stage', 20), realm.clock.seconds)];
  const request = asReq(body(realm.clock, { cname: name('stage'), sname: name('host/device1') }), padata);
  t.equal((await askForError(realm, request)).errorCode, ErrorCode.KDC_ERR_POLICY);
  t.equal(realm.lastEvent().reason, 'join-only');
});

await t.test('a realm in another case or of another name is refused with a hint', async (t) => {
  const realm = await realmWithAlice();
  const error = await askForError(
    realm,
    asReq(body(realm.clock, { cname: name('alice'), realm: REALM.toLowerCase() })),
  );
  t.equal(error.errorCode, ErrorCode.KDC_ERR_WRONG_REALM);
  t.match(error.eText, /serves REALM1\.EXAMPLE/);
});

await t.test(
  'missing and empty names, options that need a ticket: a clean error (CVE-2013-1416, CVE-2021-36222)',
  async (t) => {
    const realm = await realmWithAlice();
    const codeOf = async (fields: Parameters<typeof body>[1]): Promise<number> =>
      (await askForError(realm, asReq(body(realm.clock, { cname: name('alice'), ...fields })))).errorCode;
    t.equal(await codeOf({ cname: undefined }), ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN);
    t.equal(await codeOf({ cname: { nameType: 1, nameString: [] } }), ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN);
    t.equal(
      await codeOf({ cname: { nameType: 1, nameString: [''] } }),
      ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN,
    );
    t.equal(await codeOf({ sname: undefined }), ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN);
    for (const nameString of [
      ['', 'test'],
      ['test', ''],
      ['', ''],
    ]) {
      t.equal(await codeOf({ sname: { nameType: 2, nameString } }), ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN);
    }
    const { FORWARDED, PROXY, RENEW, VALIDATE, ENC_TKT_IN_SKEY, CNAME_IN_ADDL_TKT, REQUEST_ANONYMOUS } =
      KdcOption;
    for (const kdcOptions of [
      FORWARDED,
      PROXY,
      RENEW,
      VALIDATE,
      ENC_TKT_IN_SKEY,
      CNAME_IN_ADDL_TKT,
      REQUEST_ANONYMOUS,
    ]) {
      t.equal(await codeOf({ kdcOptions }), ErrorCode.KDC_ERR_BADOPTION);
    }
    const emptyTimestamp = { padataType: 2, padataValue: new Uint8Array(0) };
    const error = await askForError(
      realm,
      asReq(body(realm.clock, { cname: name('alice') }), [emptyTimestamp]),
    );
    t.equal(error.errorCode, ErrorCode.KDC_ERR_PREAUTH_FAILED);
    const long = await askForError(
      realm,
      asReq(body(realm.clock, { cname: { nameType: 1, nameString: ['a'.repeat(4000)] } })),
    );
    t.equal(long.errorCode, ErrorCode.KDC_ERR_PREAUTH_REQUIRED, 'an absurdly long name is an unknown one');
  },
);

await t.test(
  'packets that once crashed other KDCs get an error or silence, and the KDC goes on',
  async (t) => {
    const realm = await realmWithAlice();
    const head = '6A5E305BA103020105A2030201';
    const tail =
      'A44F304DA007030500FEDCBA90A10E300CA003020101A10530031B0141A2031B0141A30E300CA003020101A10530031B0141A511180F31393934303631303036303331375AA70302012AA8053003020101';
    const cve20121015 =
      '6A81A030819DA103020105A20302010AA30E300C300AA10402020095A2020400A48180307EA00703050000000000A120301EA003020101A11730151B066B72627467741B0B4B5242544553542E434F4DA20D1B0B4B5242544553542E434F4DA320301EA003020101A11730151B066B72627467741B0B4B5242544553542E434F4DA511180F31393934303631303036303331375AA7030201';
    const packets = ['6AFF', '6CFF', 'FFFF', '', '6A', '7E00', '6B00', '6D00'];
    for (let x = 0; x < 128; x++) {
      const octet = x.toString(16).padStart(2, '0');
      packets.push(head + octet + tail, `${cve20121015}${octet}A8083006020106020112`);
    }
    packets.push(`${cve20121015}2AA8083006020106020112`.replace('02020095', '0202008A'));
    for (const packet of packets) {
      const reply = await realm.kdc(fromHex(packet), ORIGIN);
      t.ok(reply === undefined || reply[0] === 0x7e, packet.slice(0, 40));
      if (reply !== undefined) decode(KrbError, reply);
    }
    t.notOk(realm.events.some((event) => event.reason === 'internal-error'));
    t.ok(await login(realm, 'alice'));
  },
);

await t.test('no bit of a request, changed or cut off, brings the KDC down', async (t) => {
  const realm = await realmWithAlice();
  const request = asReq(body(realm.clock, { cname: name('alice') }), [
    encTimestamp(realm.key('alice', 20), realm.clock.seconds),
    { padataType: 128, padataValue: encode(PaPacRequest, { includePac: true }) },
  ]);
  let answered = 0;
  for (let i = 0; i < request.length; i++) {
    for (const bit of [0x01, 0x10, 0x80]) {
      const changed = request.slice();
      changed[i] = (changed[i] as number) ^ bit;
      if ((await realm.kdc(changed, ORIGIN)) !== undefined) answered++;
    }
    await realm.kdc(request.subarray(0, i), ORIGIN);
  }
  t.ok(answered > request.length);
  t.same(
    realm.events.filter((event) => event.reason === 'internal-error').map((event) => event.detail),
    [],
  );
});

await t.test('what is not in memory is loaded, and the request worked on again', async (t) => {
  const realm = await realmWithAlice();
  realm.add({ name: 'host/device1' });
  for (const forgotten of ['alice', `krbtgt/${REALM}`, 'host/device1']) realm.forgotten.add(forgotten);
  t.ok(await login(realm, 'alice', { body: { sname: name('host/device1') } }));
  t.same(realm.succeeded, ['alice'], 'recorded once');
  t.equal(realm.events.length, 1, 'one event for one request');
});

await t.test('a reply beyond what the transport carries becomes RESPONSE_TOO_BIG', async (t) => {
  const realm = await realmWithAlice();
  const request = asReq(body(realm.clock, { cname: name('alice') }), [
    encTimestamp(realm.key('alice', 20), realm.clock.seconds),
  ]);
  const error = await askForError(realm, request, { ...ORIGIN, maxReply: 600 });
  t.equal(error.errorCode, ErrorCode.KRB_ERR_RESPONSE_TOO_BIG);
});

await t.test(
  'an error, too, is never longer than the transport carries, whatever names it would repeat',
  async (t) => {
    const realm = await realmWithAlice();
    const cname = { nameType: 1, nameString: ['x'.repeat(1200)] };
    const request = asReq(
      body(realm.clock, { cname, sname: { nameType: 2, nameString: ['y'.repeat(8000)] } }),
    );
    const reply = await ask(realm, request, { ...ORIGIN, maxReply: 1465 });
    t.ok(reply.length <= 300, `${reply.length} bytes`);
    t.equal(decode(KrbError, reply).errorCode, ErrorCode.KRB_ERR_RESPONSE_TOO_BIG);
    t.equal(
      (await askForError(realm, request)).errorCode,
      ErrorCode.KDC_ERR_PREAUTH_REQUIRED,
      'over TCP it comes',
    );
    const { client = '', server = '' } = realm.lastEvent();
    t.ok(
      client.startsWith('xxx') && client.length < 1000 && server.length < 1000,
      'nor do they fill the log',
    );
  },
);

await t.test('a reply for a user fits into the 1465 bytes that AD allows for UDP', async (t) => {
  const realm = new MemoryRealm();
  for (const [who, bytes] of [
    ['alice', 1465],
    ['administrator', 1465],
  ] as const) {
    await realm.addUser(who, 'correct horse', { right: 'Administrator' });
    const reply = await ask(
      realm,
      asReq(body(realm.clock, { cname: name(who), kdcOptions: KdcOption.RENEWABLE, rtime: 0 }), [
        encTimestamp(realm.key(who, 20), realm.clock.seconds),
        { padataType: 149, padataValue: new Uint8Array(0) },
      ]),
    );
    t.ok(reply.length <= bytes, `${who}: ${reply.length} bytes`);
  }
});

await t.test('a name is that name and no other: no implicit $ (CVE-2021-42278)', async (t) => {
  const realm = await realmWithAlice();
  realm.add({ name: 'dc1$' });
  for (const [cname, key] of [
    ['dc1', 'dc1$'],
    ['alice$', 'alice'],
    ['Alice', 'alice'],
  ] as const) {
    const padata = [encTimestamp(realm.key(key, 20), realm.clock.seconds)];
    const request = asReq(body(realm.clock, { cname: name(cname) }), padata);
    t.equal((await askForError(realm, request)).errorCode, ErrorCode.KDC_ERR_PREAUTH_FAILED);
    t.equal(realm.lastEvent().reason, 'unknown-client', cname);
    const padataOfAlice = [encTimestamp(realm.key('alice', 20), realm.clock.seconds)];
    const asServer = asReq(body(realm.clock, { cname: name('alice'), sname: name(cname) }), padataOfAlice);
    t.equal((await askForError(realm, asServer)).errorCode, ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN);
  }
});
