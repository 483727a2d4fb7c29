/** Our client at Active Directory (Samba's), and from there to a device of ours. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { makeApReq } from '../../../src/ap/ap-req.ts';
import { keysOf, verifyApReq } from '../../../src/ap/verify-ap-req.ts';
import {
  type Credential,
  enterprisePrincipal,
  getInitialTicket,
  getServiceTicket,
  grantingRealm,
  krbtgt,
  nameOf,
  parsePrincipal,
  renewTicket,
} from '../../../src/client/index.ts';
import { readKeytab } from '../../../src/codec/keytab.ts';
import { type AdUserName, requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { AD_TRUST, DEVICE, REALM, startOurs } from '../samba/realms.ts';
import { clientOf } from './client.ts';

const HOST = nameOf(...DEVICE.split('/'));

await t.test('users of Active Directory', { timeout: 180_000 }, async (t) => {
  if (!requireSambaAd(t)) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const ours = await startOurs(t, ad);
  const login = (user: AdUserName, client = clientOf([ad, ours]), password = ad.users[user].password) =>
    getInitialTicket(client, { client: parsePrincipal(user, ad.realm), proof: { password } });

  await t.test('log in, over TCP where the answer is too long for UDP, and renew', async (t) => {
    const client = clientOf([ad]);
    const tgt = await getInitialTicket(client, {
      client: parsePrincipal('alice', ad.realm),
      proof: { password: ad.users.alice.password },
      renewable: 86_400,
    });
    t.equal(grantingRealm(tgt), ad.realm);
    t.equal(tgt.key.etype, 18, 'AD has no aes-sha2');
    t.ok(client.transports().includes('tcp answered'), client.transports().join());
    t.equal((await renewTicket(client, tgt)).renewTill, tgt.renewTill);
  });

  await t.test("get the trust's own ticket, which tells its key", async (t) => {
    const client = clientOf([ad]);
    const { credential } = await getServiceTicket(client, await login('alice', client), {
      name: krbtgt(REALM),
      realm: ad.realm,
    });
    t.strictSame(credential.server, { realm: ad.realm, name: krbtgt(REALM) });
    t.match(credential.ticket.encPart, { etype: 18, kvno: ad.trust?.kvno });
  });

  const reachesDevice = async (t: Test, tgt: Credential, request: object): Promise<void> => {
    const client = clientOf([ad, ours]);
    const { credential, path } = await getServiceTicket(client, tgt, { name: HOST, ...request });
    t.strictSame(path.map(grantingRealm), [REALM]);
    t.strictSame(credential.server, { realm: REALM, name: HOST });
    const keys = keysOf(readKeytab(readFileSync(await ours.exportKeytab(DEVICE))));
    const { message } = makeApReq(client.crypto, client.clock, credential);
    const acceptor = { crypto: client.crypto, clock: client.clock, keys, replays: undefined };
    t.equal(verifyApReq(acceptor, message).client.realm, ad.realm);
  };

  await t.test('reach a device of ours: by its realm, and by referral', async (t) => {
    const tgt = await login('alice');
    await reachesDevice(t, tgt, { realm: REALM });
    await reachesDevice(t, tgt, {});
  });

  await t.test('log in by their UPN, which AD corrects where it may', async (t) => {
    const client = clientOf([ad, ours]);
    const proof = { password: ad.users.carol.password };
    const upn = enterprisePrincipal(ad.users.carol.upn, ad.realm);
    const corrected = await getInitialTicket(client, { client: upn, proof, canonicalize: true });
    t.strictSame(corrected.client.name.nameString, ['carol']);
    const kept = await getInitialTicket(client, { client: upn, proof });
    t.strictSame(kept.client.name.nameString, [ad.users.carol.upn]);
    await reachesDevice(t, kept, { realm: REALM });
  });

  await t.test('of ours who ask AD are referred to us', async (t) => {
    const client = enterprisePrincipal(`bob@${REALM.toLowerCase()}`, ad.realm);
    const request = { client, proof: { password: 'Bob.pass1' }, canonicalize: true };
    const tgt = await getInitialTicket(clientOf([ad, ours]), request);
    t.strictSame(tgt.client, parsePrincipal('bob', REALM));
  });

  await t.test('are refused with the reason of AD', async (t) => {
    await t.rejects(login('dave'), {
      code: 'kdc-err-client-revoked',
      message: /^The account is disabled\. /,
    });
    const nobody = parsePrincipal('nobody', ad.realm);
    await t.rejects(getInitialTicket(clientOf([ad]), { client: nobody, proof: { password: 'x' } }), {
      code: 'kdc-err-c-principal-unknown',
    });
  });

  await t.test('whose realm is written in small letters are told its name', async (t) => {
    const small = { ...ad, realm: ad.realm.toLowerCase() };
    const request = {
      client: parsePrincipal('alice', small.realm),
      proof: { password: ad.users.alice.password },
    };
    await t.rejects(getInitialTicket(clientOf([small]), request), {
      code: 'realm-mismatch',
      message: new RegExp(`It calls it ${ad.realm.replaceAll('.', String.raw`\.`)}\\.$`),
    });
  });

  await t.test('a wrong password costs one attempt of theirs', async (t) => {
    await ad.setLockoutThreshold(5);
    await t.rejects(login('mallory', clientOf([ad]), 'wrong'), { code: 'kdc-err-preauth-failed' });
    t.equal((await ad.failedLogons('mallory')).count, 1);
  });
});
