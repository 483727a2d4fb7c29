import t from 'tap';
import { parseSid } from '../../src/base/sid.ts';
import type { TicketClient } from '../../src/pac/consistency.ts';
import { checkPacConsistency } from '../../src/pac/consistency.ts';
import type { PacContents } from '../../src/pac/contents.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { sameName } from '../../src/pac/names.ts';
import { decodePac } from '../../src/pac/pac.ts';
import type { PacReason } from '../../src/pac/reason.ts';
import { NameType } from '../../src/spec/name-types.ts';
import { AD_SID, foreignContents } from './realm.ts';
import { ISSUED, issued } from './vectors.ts';

const contents = foreignContents();
const logonInfo = contents.logonInfo;
const clientInfo = contents.clientInfo as NonNullable<PacContents['clientInfo']>;
const upnDnsInfo = contents.upnDnsInfo as NonNullable<PacContents['upnDnsInfo']>;
const account = upnDnsInfo.account as NonNullable<typeof upnDnsInfo.account>;
const ALICE_SID = parseSid(`${AD_SID}-1102`);

const client: TicketClient = { ...issued('Samba: cross-realm ticket-granting ticket').client, isTgt: true };

await t.test('finds nothing wrong with what Windows and Samba issue', async (t) => {
  for (const { name, pac, client, expected } of ISSUED) {
    const isTgt = 'requesterSid' in expected;
    t.equal(checkPacConsistency(decodeContents(decodePac(pac)), { ...client, isTgt }), undefined, name);
  }
});

await t.test(
  'refuses each forged part with its own reason (CVE-2026-11861, CVE-2020-25717, CVE-2020-25721, CVE-2021-42287)',
  async (t) => {
    const other = parseSid(`${AD_SID}-500`);
    const cases: readonly [string, PacReason, Partial<PacContents>, Partial<TicketClient>?][] = [
      ['no LOGON_INFO', 'pac-no-logon-info', { logonInfo: undefined }],
      ['no CLIENT_INFO', 'pac-no-client-info', { clientInfo: undefined }],
      ['a ticket-granting ticket without REQUESTER_SID', 'pac-no-requester-sid', { requesterSid: undefined }],
      [
        'CLIENT_INFO names another',
        'pac-client-name',
        { clientInfo: { ...clientInfo, name: 'administrator' } },
      ],
      [
        'CLIENT_INFO has the realm',
        'pac-client-name',
        { clientInfo: { ...clientInfo, name: 'alice@AD.EXAMPLE.TEST' } },
      ],
      ['CLIENT_INFO has a NUL', 'pac-client-name', { clientInfo: { ...clientInfo, name: 'alice\0' } }],
      [
        'CLIENT_INFO of another ticket',
        'pac-client-time',
        { clientInfo: { ...clientInfo, authTime: clientInfo.authTime + 10_000_000n } },
      ],
      [
        'LOGON_INFO of another account',
        'pac-account-name',
        { logonInfo: { ...logonInfo, effectiveName: 'administrator' } },
      ],
      [
        'LOGON_INFO of the machine account',
        'pac-account-name',
        { logonInfo: { ...logonInfo, effectiveName: 'alice$' } },
      ],
      ['another RID', 'pac-sid', { logonInfo: { ...logonInfo, userId: 500 } }],
      [
        'another domain',
        'pac-sid',
        { logonInfo: { ...logonInfo, logonDomainId: parseSid('S-1-5-21-7-8-9') } },
      ],
      ['REQUESTER_SID of another', 'pac-sid', { requesterSid: other }],
      [
        'UPN_DNS_INFO with the SID of another',
        'pac-sid',
        { upnDnsInfo: { ...upnDnsInfo, account: { ...account, sid: other } } },
      ],
      [
        'UPN_DNS_INFO with the name of another',
        'pac-sam-name',
        { upnDnsInfo: { ...upnDnsInfo, account: { ...account, samName: 'bob' } } },
      ],
      [
        'UPN_DNS_INFO of another domain',
        'pac-realm',
        { upnDnsInfo: { ...upnDnsInfo, dnsDomainName: 'REALM1.EXAMPLE' } },
      ],
      ['a client of another realm', 'pac-realm', {}, { crealm: 'REALM1.EXAMPLE' }],
      ['a ticket of another client', 'pac-client-name', {}, { cname: 'bob' }],
      ['a ticket of another time', 'pac-client-time', {}, { authTime: client.authTime - 1 }],
      ['an account that has another SID', 'pac-sid', {}, { sid: other }],
    ];
    for (const [what, reason, change, changedClient] of cases)
      t.equal(checkPacConsistency({ ...contents, ...change }, { ...client, ...changedClient }), reason, what);
  },
);

await t.test('agrees where there is less to compare, or more', async (t) => {
  const agrees = (change: Partial<PacContents>, changedClient: Partial<TicketClient> = {}): boolean =>
    checkPacConsistency({ ...contents, ...change }, { ...client, ...changedClient }) === undefined;
  t.ok(agrees({}));
  t.ok(agrees({}, { sid: ALICE_SID }));
  t.ok(agrees({ upnDnsInfo: undefined }));
  t.ok(agrees({ upnDnsInfo: { ...upnDnsInfo, account: undefined } }));
  t.ok(agrees({ requesterSid: undefined }, { isTgt: false }), 'a service ticket names no requester');
  t.ok(
    agrees({ upnDnsInfo: { ...upnDnsInfo, upn: 'somebody.else@corp.example' } }),
    'a UPN may differ from the name',
  );
  t.ok(agrees({}, { cname: 'ALICE' }), 'letter case');
  t.ok(agrees({}, { nameType: NameType.ENTERPRISE }), 'an enterprise name that is the account’s');
  t.ok(
    agrees({ clientInfo: { ...clientInfo, authTime: clientInfo.authTime + 9_999_999n } }),
    'fractions of a second',
  );
});

await t.test(
  'takes the UPN for the client only where the ticket says that it is an enterprise name',
  async (t) => {
    const carol = issued('Samba: cross-realm ticket-granting ticket of an enterprise name');
    const pac = decodeContents(decodePac(carol.pac));
    const check = (
      change: Partial<PacContents>,
      changedClient: Partial<TicketClient>,
    ): PacReason | undefined =>
      checkPacConsistency({ ...pac, ...change }, { ...carol.client, isTgt: true, ...changedClient });
    t.equal(check({}, {}), undefined);
    t.equal(check({}, { nameType: NameType.PRINCIPAL }), 'pac-account-name');
    t.equal(check({ upnDnsInfo: undefined }, {}), 'pac-account-name');
    const upn = pac.upnDnsInfo as NonNullable<PacContents['upnDnsInfo']>;
    t.equal(check({ upnDnsInfo: { ...upn, upn: 'mallory@corp.example' } }, {}), 'pac-account-name');
  },
);

await t.test('names are equal but for the case of letters that have exactly two', async (t) => {
  t.ok(sameName('alice', 'Alice'));
  t.ok(sameName('MÜLLER', 'müller'));
  t.ok(sameName('ΑΒΓ', 'αβγ'));
  t.notOk(sameName('alice', 'alice$'));
  t.notOk(sameName('alice', 'alice '));
  t.notOk(sameName('k', '\u212a'), 'KELVIN SIGN');
  t.notOk(sameName('\u00c5', '\u212b'), 'ANGSTROM SIGN');
  t.notOk(sameName('STRASSE', 'straße'));
  t.notOk(sameName('i', '\u0130'), 'capital I with a dot');
  t.notOk(sameName('i', '\u0131'), 'small i without one');
  t.notOk(sameName('e\u0301', 'é'), 'nothing is normalized');
});
