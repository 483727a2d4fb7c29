/** What our realm refuses of a ticket that came over the trust, each for a reason of its own: wrong configurations, and forged tickets. */
import { copyFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import { fromHex } from '../../../src/base/bytes.ts';
import { parseSid, withRid } from '../../../src/base/sid.ts';
import { encode } from '../../../src/codec/der/type.ts';
import { AuthorizationData } from '../../../src/codec/krb5/basic.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { encodeClientInfo } from '../../../src/pac/client-info.ts';
import { decodeContents } from '../../../src/pac/contents.ts';
import type { LogonInfo } from '../../../src/pac/logon-info.ts';
import { encodeLogonInfo } from '../../../src/pac/logon-info.ts';
import { decodePac, encodePac } from '../../../src/pac/pac.ts';
import { encodeRequesterSid } from '../../../src/pac/requester-sid.ts';
import { encodeUpnDnsInfo } from '../../../src/pac/upn-dns-info.ts';
import { AdType } from '../../../src/spec/ad-types.ts';
import { TicketFlag } from '../../../src/spec/flags.ts';
import { PacBuffer } from '../../../src/spec/pac-buffers.ts';
import { RightRid } from '../../../src/spec/right-rids.ts';
import type { TestKdc, TrustConfig } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import type { AdTrustOptions, AdUserName, SambaAd } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import type { Forgery, OpenedTicket, PacChange } from '../../support/samba-tickets.ts';
import {
  cachedCredential,
  forgeTicket,
  inboundTrustKey,
  openWithKeytab,
  resignedPac,
} from '../../support/samba-tickets.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, DEVICE, OWN_SID, REALM, loginAtAd, startOurs } from './realms.ts';

const OWN = parseSid(OWN_SID);
const STRANGER = parseSid('S-1-5-21-7-8-9');

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('what a trust refuses', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const referral = `krbtgt/${REALM}@${ad.realm}`;

  /** Asks for a ticket for the device with the tickets of AD that `user` has just got, and gives the reason in the log. */
  const outcome = async (kdc: TestKdc, user: AdUserName = 'alice'): Promise<string | undefined> => {
    const session = newSession(kdc, { others: [ad] });
    await loginAtAd(session, ad, user);
    return ask(session, kdc);
  };

  await t.test('by its configuration', async (t) => {
    const cases: readonly [string, Partial<TrustConfig>, string | undefined][] = [
      ['as it should be', {}, undefined],
      ['the SID of another domain', { domainSid: STRANGER }, 'pac-domain-sid'],
      ['another NETBIOS name', { netbios: 'OTHER' }, 'pac-domain-name'],
      ['another secret', { secret: 'Another.Secret-1' }, 'trust-secret'],
      ['one-way, outbound', { direction: 'outbound' }, 'trust-one-way'],
      ['a trust with another realm', { realm: 'OTHER.EXAMPLE.TEST' }, 'not-our-ticket'],
      ['one-way, inbound', { direction: 'inbound' }, undefined],
    ];
    for (const [name, change, reason] of cases)
      t.equal(await outcome(await startOurs(t, ad, change)), reason, name);
  });

  const kdc = await startOurs(t, ad);

  await t.test('by the enctype of the other side', async (t) => {
    const cases: readonly [string, Partial<AdTrustOptions>, string | undefined][] = [
      ['rc4 alone, which the trust does not name', { enctypes: 4 }, 'trust-etype'],
      ['aes128', { enctypes: 8 }, undefined],
      ['no kvno in the ticket', { kvno: 'none' }, undefined],
      ['a kvno of its own', { kvno: 4711 }, undefined],
    ];
    for (const [name, options, reason] of cases) {
      await ad.setTrust({ ...AD_TRUST, ...options });
      t.equal(await outcome(kdc), reason, name);
    }
    await ad.setTrust(AD_TRUST);
  });

  const genuine = newSession(kdc, { others: [ad] });
  await loginAtAd(genuine, ad, 'mallory');
  await genuine.run('kvno', [referral]);
  const key = await inboundTrustKey(trustOf(ad), 18);

  /** A session that has mallory's tickets, the one for our realm forged. */
  const forged = (change: (opened: OpenedTicket & { pac: Uint8Array }) => Forgery): Session => {
    const session = newSession(kdc, { others: [ad] });
    copyFileSync(genuine.ccache, session.ccache);
    forgeTicket(session.ccache, referral, key, change);
    return session;
  };
  const withPac = (change: (contents: Contents) => PacChange): Session =>
    forged(({ pac }) => ({ pac: resignedPac(pac, key, change(contentsOf(pac))) }));
  const logonInfo = (change: (info: LogonInfo) => Partial<LogonInfo>): Session =>
    withPac(({ info }) => ({ [PacBuffer.LOGON_INFO]: encodeLogonInfo({ ...info, ...change(info) }) }));
  const reasons = async (
    t: Test,
    cases: readonly (readonly [string, Session, string | undefined])[],
  ): Promise<void> => {
    for (const [name, session, reason] of cases) t.equal(await ask(session, kdc), reason, name);
  };

  await t.test(
    'a forged ticket that says what the real one says passes: the forgeries below are good ones',
    async (t) => {
      await reasons(t, [
        ['signed anew', withPac(() => ({})), undefined],
        ['encoded anew', logonInfo(() => ({})), undefined],
      ]);
    },
  );

  await t.test('a missing, unreadable or unsigned PAC', async (t) => {
    await reasons(t, [
      ['no PAC', forged(() => ({ pac: undefined })), 'foreign-pac-missing'],
      [
        'no authorization data',
        forged(() => ({ part: { authorizationData: undefined } })),
        'foreign-pac-missing',
      ],
      ['an empty PAC', forged(() => ({ pac: new Uint8Array(8) })), 'pac-malformed'],
      ['cut off', forged(({ pac }) => ({ pac: pac.subarray(0, pac.length - 200) })), 'pac-malformed'],
      [
        'a PAC outside of AD-IF-RELEVANT',
        forged(({ pac }) => ({
          part: { authorizationData: [{ adType: AdType.WIN2K_PAC, adData: pac }] },
        })),
        'foreign-pac-missing',
      ],
      [
        'a byte changed',
        forged(({ pac }) => ({ pac: pac.with(pac.length - 300, (pac.at(-300) ?? 0) ^ 1) })),
        'pac-server-signature',
      ],
      [
        'signed with another key',
        forged(({ pac }) => ({ pac: resignedPac(pac, nodeCrypto.randomKey(18), {}) })),
        'pac-server-signature',
      ],
      [
        'no server signature',
        withPac(() => ({ [PacBuffer.SERVER_CHECKSUM]: undefined })),
        'pac-no-signature',
      ],
      ['an unkeyed signature', forged(({ pac }) => ({ pac: unkeyed(pac) })), 'pac-signature-type'],
      [
        'NDR that points outside',
        withPac(() => ({ [PacBuffer.LOGON_INFO]: fromHex('01100800cccccccc'.repeat(8)) })),
        'pac-malformed',
      ],
    ]);
  });

  await t.test('a PAC that lacks what must be there', async (t) => {
    for (const [type, reason] of [
      [PacBuffer.LOGON_INFO, 'pac-no-logon-info'],
      [PacBuffer.CLIENT_INFO, 'pac-no-client-info'],
      [PacBuffer.REQUESTER_SID, 'pac-no-requester-sid'],
    ] as const) {
      await reasons(t, [[reason, withPac(() => ({ [type]: undefined })), reason]]);
    }
  });

  await t.test('a PAC that speaks of somebody else', async (t) => {
    const { users } = ad;
    const name = 'alice';
    const renamed = (change: (contents: Contents) => PacChange): Session =>
      forged(({ part, pac }) => ({
        part: { cname: { ...part.cname, nameString: [name] } },
        pac: resignedPac(pac, key, change(contentsOf(pac))),
      }));
    const named = ({ client }: Contents): PacChange => ({
      [PacBuffer.CLIENT_INFO]: encodeClientInfo({ ...client, name }),
    });
    await reasons(t, [
      ['another cname', renamed(() => ({})), 'pac-client-name'],
      ['another cname, in CLIENT_INFO as well', renamed(named), 'pac-account-name'],
      [
        'another name in CLIENT_INFO',
        withPac(({ client }) => ({ [PacBuffer.CLIENT_INFO]: encodeClientInfo({ ...client, name }) })),
        'pac-client-name',
      ],
      [
        'another time',
        withPac(({ client }) => ({
          [PacBuffer.CLIENT_INFO]: encodeClientInfo({ ...client, authTime: client.authTime + 10_000_000n }),
        })),
        'pac-client-time',
      ],
      [
        'the account of another user',
        logonInfo(() => ({ effectiveName: name, userId: users.alice.rid })),
        'pac-account-name',
      ],
      ['the SID of another user in LOGON_INFO', logonInfo(() => ({ userId: users.alice.rid })), 'pac-sid'],
      [
        'the SID of another user in REQUESTER_SID',
        withPac(() => ({ [PacBuffer.REQUESTER_SID]: encodeRequesterSid(users.alice.sid) })),
        'pac-sid',
      ],
      [
        'the SID of another user in UPN_DNS_INFO',
        withPac(({ upn }) => ({
          [PacBuffer.UPN_DNS_INFO]: encodeUpnDnsInfo({
            ...upn,
            account: { samName: 'mallory', sid: users.alice.sid },
          }),
        })),
        'pac-sid',
      ],
      [
        'another account name in UPN_DNS_INFO',
        withPac(({ upn }) => ({
          [PacBuffer.UPN_DNS_INFO]: encodeUpnDnsInfo({
            ...upn,
            account: { samName: name, sid: users.mallory.sid },
          }),
        })),
        'pac-sam-name',
      ],
      [
        'another domain in UPN_DNS_INFO',
        withPac(({ upn }) => ({
          [PacBuffer.UPN_DNS_INFO]: encodeUpnDnsInfo({ ...upn, dnsDomainName: REALM }),
        })),
        'pac-realm',
      ],
    ]);
  });

  await t.test('an account of a domain that the trust does not name, or of our own', async (t) => {
    const inDomain = (domain: typeof OWN, change: Partial<LogonInfo> = {}): Session =>
      withPac(({ info, upn }) => {
        const sid = withRid(domain, info.userId);
        return {
          [PacBuffer.LOGON_INFO]: encodeLogonInfo({ ...info, logonDomainId: domain, ...change }),
          [PacBuffer.REQUESTER_SID]: encodeRequesterSid(sid),
          [PacBuffer.UPN_DNS_INFO]: encodeUpnDnsInfo({ ...upn, account: { samName: 'mallory', sid } }),
        };
      });
    await reasons(t, [
      ['another domain', inDomain(STRANGER), 'pac-domain-sid'],
      ['ours', inDomain(OWN), 'pac-own-domain'],
      [
        'the NETBIOS name of another',
        inDomain(ad.domainSid, { logonDomainName: 'OTHER' }),
        'pac-domain-name',
      ],
      [
        'resource groups of ours',
        logonInfo(() => ({
          resourceGroupDomainSid: OWN,
          resourceGroupIds: [{ rid: RightRid.Administrator, attributes: 7 }],
        })),
        'pac-own-resource-groups',
      ],
    ]);
  });

  await t.test(
    'a client of our own realm, of a third realm, or one that came through a third realm',
    async (t) => {
      const clientOf = (crealm: string): Session =>
        forged(({ pac }) => {
          const upn = encodeUpnDnsInfo({ ...contentsOf(pac).upn, dnsDomainName: crealm });
          return { part: { crealm }, pac: resignedPac(pac, key, { [PacBuffer.UPN_DNS_INFO]: upn }) };
        });
      await reasons(t, [
        ['ours', clientOf(REALM), 'foreign-claims-own-client'],
        ['a third', clientOf('OTHER.EXAMPLE'), 'path-not-accepted'],
        [
          'a third, and the PAC says otherwise',
          forged(() => ({ part: { crealm: 'OTHER.EXAMPLE' } })),
          'pac-realm',
        ],
      ]);
      const through = (text: string, trType = 1): Session =>
        forged(() => ({ part: { transited: { trType, contents: new TextEncoder().encode(text) } } }));
      await reasons(t, [
        ['through a third', through('OTHER.EXAMPLE'), 'path-not-accepted'],
        ['through ours', through(REALM), 'path-not-accepted'],
        ['through an unknown kind of path', through(ad.realm, 77), 'path-not-accepted'],
        ['through whatever lies between', through(`${ad.realm},,OTHER.EXAMPLE`), 'path-not-accepted'],
      ]);
    },
  );

  await t.test(
    'a ticket out of time, for a key of ours that it should not be made with, or with a weak session key',
    async (t) => {
      const now = Math.floor(Date.now() / 1000);
      await reasons(t, [
        ['expired', forged(() => ({ part: { endtime: now - 600 } })), 'ticket-expired'],
        ['not yet valid', forged(() => ({ part: { starttime: now + 3600 } })), 'ticket-not-yet-valid'],
        [
          'marked invalid',
          forged(({ part }) => ({ part: { flags: (part.flags | TicketFlag.INVALID) >>> 0 } })),
          'ticket-not-yet-valid',
        ],
      ]);
      const wrongSide = await inboundTrustKey(trustOf(ad), 18, trustOf(ad).usToAd.salt);
      await reasons(t, [
        [
          "the key with the other direction's salt",
          forged(() => ({ sealWith: wrongSide })),
          'trust-wrong-side',
        ],
        [
          'rc4',
          forged(() => ({ part: { key: { keytype: 23, keyvalue: new Uint8Array(16) } } })),
          'no-common-etype',
        ],
        [
          'a short key',
          forged(({ part }) => ({ part: { key: { ...part.key, keyvalue: part.key.keyvalue.subarray(1) } } })),
          'ticket-not-as-issued',
        ],
      ]);
    },
  );

  await t.test('SIDs that the other side has no say in are taken out, and the rest stays', async (t) => {
    const attributes = 7;
    const foreign = [
      withRid(OWN, RightRid.Administrator),
      withRid(STRANGER, 512),
      parseSid('S-1-5-32-544'),
      parseSid('S-1-16-12288'),
    ];
    const session = logonInfo((info) => ({
      extraSids: [...info.extraSids, ...foreign.map((sid) => ({ sid, attributes }))],
      resourceGroupDomainSid: STRANGER,
      resourceGroupIds: [{ rid: 1107, attributes }],
    }));
    const keytab = await kdc.exportKeytab(DEVICE);
    const seen = await speakTo(session, `${DEVICE}@${REALM}`, keytab);
    t.equal(seen.attributes['auth-indicators'], undefined, 'no right follows from what was put in');
    const { ticket } = cachedCredential(session.ccache, `${DEVICE}@${REALM}`);
    const { info } = contentsOf(openWithKeytab(ticket, keytab).pac ?? new Uint8Array(0));
    t.same(
      info.extraSids.map(({ sid }) => sid),
      ['S-1-18-1'],
    );
    t.same(info.resourceGroupIds, []);
    t.equal(info.userId, ad.users.mallory.rid);
  });

  await t.test('a group of the trusted domain grants its right wherever in the PAC it stands', async (t) => {
    const keytab = await kdc.exportKeytab(DEVICE);
    const { sid } = ad.groups['fleet-operators'];
    const session = logonInfo((info) => ({ extraSids: [...info.extraSids, { sid, attributes: 7 }] }));
    const seen = await speakTo(session, `${DEVICE}@${REALM}`, keytab);
    t.same(seen.attributes['auth-indicators'], ['realmward:Administrator']);
  });

  await t.test('what only we may say of a ticket is not taken over from the other side', async (t) => {
    const session = forged(({ part }) => ({
      part: {
        flags: (part.flags | TicketFlag.OK_AS_DELEGATE | TicketFlag.INITIAL | TicketFlag.ANONYMOUS) >>> 0,
        authorizationData: [
          ...(part.authorizationData ?? []),
          {
            adType: AdType.IF_RELEVANT,
            adData: encode(AuthorizationData, [{ adType: 97, adData: Uint8Array.of(1) }]),
          },
        ],
      },
    }));
    t.equal(await ask(session, kdc), undefined);
    t.match((await session.klist()).ticket(DEVICE).flags, /^[^OIaR]*$/);
  });

  await t.test('after all that an honest user still gets in', async (t) => {
    t.equal(await outcome(kdc), undefined);
  });
});

/** Asks for a ticket for the device; the reason of the refusal, `undefined` for a ticket. */
async function ask(session: Session, kdc: TestKdc): Promise<string | undefined> {
  const since = Date.now();
  const { code } = await session.run('kvno', [`${DEVICE}@${REALM}`]);
  const event = await findEvent(kdc, since, { exchange: 'TGS', outcome: code === 0 ? 'issued' : 'refused' });
  return event.reason;
}

interface Contents {
  readonly info: LogonInfo;
  readonly client: NonNullable<ReturnType<typeof decodeContents>['clientInfo']>;
  readonly upn: NonNullable<ReturnType<typeof decodeContents>['upnDnsInfo']>;
}

function contentsOf(pac: Uint8Array): Contents {
  const { logonInfo, clientInfo, upnDnsInfo } = decodeContents(decodePac(pac));
  if (logonInfo === undefined || clientInfo === undefined || upnDnsInfo === undefined)
    throw new Error('the PAC lacks a buffer');
  return { info: logonInfo, client: clientInfo, upn: upnDnsInfo };
}

/** The PAC with a server signature that anybody can make: RSA-MD5 (7), 16 bytes. */
function unkeyed(pac: Uint8Array): Uint8Array {
  const signature = new Uint8Array(20);
  signature[0] = 7;
  return encodePac(
    decodePac(pac).buffers.map(({ type, data }) => ({
      type,
      data: type === PacBuffer.SERVER_CHECKSUM ? signature : data,
    })),
  ).bytes;
}

function trustOf(ad: SambaAd): NonNullable<SambaAd['trust']> {
  if (ad.trust === undefined) throw new Error('there is no trust');
  return ad.trust;
}
