/** Heimdal's programs: kinit, kgetcred, kdestroy, renewal. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { TestKdc } from '../../support/kdc.ts';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { HEIMDAL_ROOT, heimdalLibraryPath, requirePeer } from '../../support/peers.ts';
import type { RunResult } from '../../support/run.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const ETYPES = [
  'aes256-cts-hmac-sha384-192',
  'aes128-cts-hmac-sha256-128',
  'aes256-cts-hmac-sha1-96',
  'aes128-cts-hmac-sha1-96',
];

await t.test("Heimdal's clients", async (t) => {
  if (!requirePeer(t, 'heimdal') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    // A service ticket with its four PAC signatures and the indicator has more than the 1465 bytes that UDP may carry by default, and a client
    // that is told to use UDP alone cannot ask again over TCP.
    policy: { maxLife: '10h', maxRenew: '7d', udpReplyLimit: 4096 },
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: SERVICE }],
  });

  for (const transport of ['udp', 'tcp'] as const) {
    await t.test(`kinit, kgetcred and kdestroy over ${transport} alone`, async (t) => {
      const alice = heimdal(kdc, transport);
      const login = await alice.kinit('Alice.pass1', '--forwardable', '--renewable', 'alice');
      t.equal(login.code, 0, login.output);
      const service = await alice.run('kgetcred', SERVICE);
      t.equal(service.code, 0, service.output);
      const list = await alice.klist();
      t.match(list.output, `Principal: alice@${kdc.realm}`);
      const tgt = list.ticket(`krbtgt/${kdc.realm}`);
      t.equal(tgt.flags, 'enc-pa-rep, pre-authent, initial, renewable, forwardable');
      t.match(list.ticket(SERVICE).flags, /pre-authent, renewable, forwardable$/);
      t.equal(list.ticket(SERVICE).end, tgt.end);
      const gone = await alice.run('kdestroy.heimdal');
      t.equal(gone.code, 0, gone.output);
      t.match((await alice.klist()).output, /No ticket file/);
    });
  }

  await t.test('kinit with a keytab of ours', async (t) => {
    const alice = heimdal(kdc);
    const keytab = await kdc.exportKeytab('alice', SERVICE);
    for (const name of ['alice', SERVICE]) {
      const { code, output } = await alice.run('kinit.heimdal', `--keytab=${keytab}`, name);
      t.equal(code, 0, output);
      t.match((await alice.klist()).output, `Principal: ${name}@${kdc.realm}`);
    }
    const keys = await alice.run('ktutil.heimdal', `--keytab=${keytab}`, 'list');
    t.equal(keys.code, 0, keys.output);
    t.match(keys.output, `${SERVICE}@${kdc.realm}`);
  });

  await t.test('kgetcred --enctype: a session key of each etype on its own', async (t) => {
    for (const etype of ETYPES) {
      const alice = heimdal(kdc);
      await alice.kinit('Alice.pass1', 'alice');
      const { code, output } = await alice.run('kgetcred', `--enctype=${etype}`, SERVICE);
      t.equal(code, 0, output);
      t.equal((await alice.klist()).ticket(SERVICE).sessionEtype, etype);
    }
  });

  await t.test('kinit --renew: a later end, the same renew-till', async (t) => {
    const alice = heimdal(kdc);
    const login = await alice.kinit('Alice.pass1', '--lifetime=1h', '--renewable-life=3d', 'alice');
    t.equal(login.code, 0, login.output);
    const first = (await alice.klist()).ticket(`krbtgt/${kdc.realm}`);
    await sleep(1100);
    const renewal = await alice.run('kinit.heimdal', '--renew');
    t.equal(renewal.code, 0, renewal.output);
    const renewed = (await alice.klist()).ticket(`krbtgt/${kdc.realm}`);
    t.ok(renewed.end > first.end);
    t.equal(renewed.renewTill, first.renewTill);
  });

  await t.test('a wrong password and an unknown name get the same words', async (t) => {
    const wrong = await heimdal(kdc).kinit('wrong', 'alice');
    t.equal(wrong.code, 1);
    t.match(wrong.output, /Password incorrect/);
    if (!requireRealmward(t)) return;
    const unknown = await heimdal(kdc).kinit('wrong', 'nobody');
    t.equal(unknown.output, wrong.output);
  });
});

interface HeimdalTicket {
  readonly flags: string;
  readonly end: number;
  readonly renewTill: number;
  readonly sessionEtype: string;
}

interface HeimdalSession {
  run(program: string, ...args: string[]): Promise<RunResult>;
  kinit(password: string, ...args: string[]): Promise<RunResult>;
  klist(): Promise<RunResult & { ticket(server: string): HeimdalTicket }>;
}

/** A person at a shell with Heimdal's programs, which reach the KDC by `transport` alone; left out: by UDP, and TCP where UDP is too small. */
function heimdal(kdc: TestKdc, transport?: 'udp' | 'tcp'): HeimdalSession {
  const session = newSession(kdc, {
    kdc: `${transport === undefined ? '' : `${transport}/`}127.0.0.1:${kdc.port}`,
    env: { LD_LIBRARY_PATH: heimdalLibraryPath() },
  });
  const run: HeimdalSession['run'] = (program, ...args) =>
    session.run(join(HEIMDAL_ROOT, 'usr/bin', program), args);
  return {
    run,
    kinit: (password, ...args) => {
      const file = `${session.ccache}.password`;
      writeFileSync(file, `${password}\n`);
      return run('kinit.heimdal', `--password-file=${file}`, ...args);
    },
    klist: async () => {
      const listing = await run('heimtools', 'klist', '-v');
      return { ...listing, ticket: (server) => findTicket(listing.output, server) };
    },
  };
}

/** The ticket for `server` in the output of Heimdal's `klist -v`. */
function findTicket(listing: string, server: string): HeimdalTicket {
  const entry = listing.split('\n\n').find((text) => text.includes(`Server: ${server}@`));
  if (entry === undefined) throw new Error(`no ticket for ${server} in:\n${listing}`);
  const line = (name: string): string => new RegExp(`^${name}: +(.*)$`, 'm').exec(entry)?.[1] ?? '';
  const ticketEtype = line('Ticket etype').replace(/,.*/, '');
  return {
    flags: line('Ticket flags'),
    end: Date.parse(`${line('End time')} UTC`) / 1000,
    renewTill: Date.parse(`${line('Renew till')} UTC`) / 1000,
    // Left out where it is the ticket's.
    sessionEtype: line('Session key') || ticketEtype,
  };
}
