/** examples/staging/join.sh, as a site runs it: many devices, side by side, while things go wrong. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { toHex } from '../../src/base/bytes.ts';
import { readKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { openStore } from '../../src/store/open.ts';
import { capturedLog } from '../support/captured-log.ts';
import { STAGE_PASSWORD, startJoinServer } from '../support/join-server.ts';
import { requirePeer } from '../support/peers.ts';
import { CLEAN_ENV, run, type RunResult, temporaryFolder } from '../support/run.ts';

const SCRIPT = fileURLToPath(new URL('../../examples/staging/join.sh', import.meta.url));
const DEVICES = 300;

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(4, '0')}`);

await t.test('the staging script', async (t) => {
  if (!requirePeer(t, 'curl')) return;
  const server = await startJoinServer(t);
  const { kdc, addressUrl, ca } = server;
  const dir = temporaryFolder(t);
  const path = (name: string): string => join(dir, name);
  writeFileSync(path('password'), `${STAGE_PASSWORD}\n`, { mode: 0o600 });
  const stage = ['--user', 'stage', '--password-file', path('password')];
  const script = (hosts: readonly string[], out: string, ...options: string[]): Promise<RunResult> =>
    run(SCRIPT, ['--server', addressUrl, '--cacert', ca, '--out', path(out), ...options], {
      env: { ...CLEAN_ENV, HOME: dir, TMPDIR: dir },
      input: `${hosts.join('\n')}\n`,
      timeout: 240_000,
    });

  /** Each device has a keytab that opens what its principal of kvno 1 gets, was joined once, and nothing else lies around. */
  const allThere = async (t: Test, hosts: readonly string[], out: string): Promise<void> => {
    const store = await openStore({
      data: join(kdc.dir, 'data'),
      realm: kdc.realm,
      environment: {},
      log: capturedLog(),
    });
    try {
      const wrong: string[] = [];
      for (const host of hosts) {
        const file = join(path(out), `${host}.keytab`);
        const entries = existsSync(file) ? readKeytab(readFileSync(file)) : [];
        const principal = await store.principals.find(`host/${host.toLowerCase()}`);
        const held = entries.map(({ kvno, key }) => `${kvno} ${toHex(key.bytes)}`);
        const known = principal?.keys.map(({ kvno, key }) => `${kvno} ${toHex(key.bytes)}`) ?? [];
        const good =
          held.length === 4 && held.join() === known.join() && held.every((key) => key.startsWith('1 '));
        if (!good || (statSync(file).mode & 0o077) !== 0) wrong.push(host);
      }
      t.same(wrong, [], 'each has the keys of its principal, made once');
      t.same(
        readdirSync(path(out)).toSorted(),
        hosts.flatMap((host) => [`${host}.keytab`, `${host}.token`]).toSorted(),
      );
    } finally {
      await store.close();
    }
  };

  await t.test(
    `joins ${DEVICES} devices, twice at a time, while the server is restarted: nothing is lost, nothing is done twice`,
    async (t) => {
      const hosts = names('SN', DEVICES);
      const before = readdirSync('/dev/shm');
      const one = script(hosts, 'fleet', ...stage, '--jobs', '8');
      const two = script(hosts.toReversed(), 'fleet', ...stage, '--jobs', '8');
      const joined = (): number => (existsSync(path('fleet')) ? readdirSync(path('fleet')).length : 0);
      while (joined() < DEVICES / 2) await sleep(50);
      await kdc.restart();
      for (const { code, output } of await Promise.all([one, two])) t.equal(code, 0, output);
      await allThere(t, hosts, 'fleet');
      t.same(
        readdirSync('/dev/shm').filter((name) => !before.includes(name) && name.startsWith('join.')),
        [],
        'no secret is left behind',
      );
      const again = await script(hosts, 'fleet', ...stage, '--wipe');
      t.equal(again.code, 0, again.output);
      t.notOk(existsSync(path('password')), 'and when all have joined the password goes, too');
      writeFileSync(path('password'), `${STAGE_PASSWORD}\n`, { mode: 0o600 });
    },
  );

  await t.test('joins with a token, too, as often as it says', async (t) => {
    const { code, output } = await kdc.cli([
      'token',
      'create',
      '--uses',
      '20',
      '--ttl',
      '1h',
      '--out',
      path('token'),
    ]);
    t.equal(code, 0, output);
    t.equal(statSync(path('token')).mode & 0o777, 0o600);
    const hosts = names('tok', 20);
    // Serial number and model may be anything.
    const list = [
      '# the first batch',
      '',
      ...hosts.map((host) => `${host} ${host.toUpperCase()} "phone" \\ ü`),
    ];
    const first = await script(list, 'tokens', '--token-file', path('token'));
    t.equal(first.code, 0, first.output);
    await allThere(t, hosts, 'tokens');
    const { stdout } = await kdc.cli(['device', 'show', 'tok-0001', '--json']);
    t.match(JSON.parse(stdout), {
      serial: 'TOK-0001',
      model: '"phone" \\ ü',
      joinedBy: /^token [0-9a-f]{8}$/,
    });
    const more = await script(['one-more'], 'tokens', '--token-file', path('token'), '--wipe');
    t.equal(more.code, 1);
    t.match(more.stderr, /one-more: The join token \w+ is used up.*\(403 join-token-used\)/);
    t.ok(existsSync(path('token')), 'what has not worked may be needed again');
  });

  await t.test('gets the answer that was lost, and no second join', async (t) => {
    mkdirSync(path('lost'));
    writeFileSync(join(path('lost'), 'lost-1.request'), 'an-id-of-an-earlier-run');
    t.equal((await script(['lost-1'], 'lost', ...stage)).code, 0);
    const file = join(path('lost'), 'lost-1.keytab');
    const first = readFileSync(file);
    writeFileSync(file, '');
    writeFileSync(join(path('lost'), 'lost-1.request'), 'an-id-of-an-earlier-run');
    t.equal((await script(['lost-1'], 'lost', ...stage)).code, 0);
    t.same(readFileSync(file), first);
    await allThere(t, ['lost-1'], 'lost');
  });

  await t.test('says what the server refuses, tries it once, and joins the others', async (t) => {
    const refused = await script(['SN-0001', 'new-1', 'bad name', 'a/b', '-x'], 'some', ...stage);
    t.equal(refused.code, 1);
    t.match(refused.stderr, 'SN-0001: "sn-0001" has joined already. (409 already-joined)');
    t.match(refused.stderr, 'a/b: this is no host name');
    t.match(refused.stderr, /-x: .*\(400 bad-host\)/);
    await allThere(t, ['new-1', 'bad'], 'some');
    writeFileSync(path('wrong'), 'not it\n', { mode: 0o600 });
    const denied = await script(['new-2'], 'denied', '--user', 'stage', '--password-file', path('wrong'));
    t.equal(denied.code, 1);
    t.match(denied.stderr, /new-2: .*\(401 refused\)/);
    t.notMatch(denied.output, 'not it');
    const other = await run(SCRIPT, ['--server', addressUrl, '--out', path('untrusted'), ...stage], {
      input: 'new-3\n',
    });
    t.equal(other.code, 1);
    t.match(other.stderr, /the certificate of .* is not to be trusted/);
  });

  await t.test('refuses to be called wrongly', async (t) => {
    const calls = [
      [],
      ['--server', 'http://localhost', '--out', path('x'), ...stage],
      ['--server', addressUrl, ...stage],
      ['--server', addressUrl, '--out', path('x')],
      ['--server', addressUrl, '--out', path('x'), '--user', 'stage', '--password', 'x'],
      ['--server', addressUrl, '--out', path('x'), '--password-file', path('password')],
      ['--server', addressUrl, '--out', path('x'), ...stage, '--jobs', 'many'],
    ];
    for (const args of calls) t.equal((await run(SCRIPT, args)).code, 2, args.join(' '));
  });

  await t.test('shows no secret in the list of processes', async (t) => {
    const secret = toHex(nodeCrypto.randomBytes(8));
    writeFileSync(path('hidden'), `${secret}\n`, { mode: 0o600 });
    const seen = new Set<string>();
    const running = script(
      names('ps', 12),
      'ps',
      '--user',
      'stage',
      '--password-file',
      path('hidden'),
      '--jobs',
      '4',
    );
    const state = { ended: false };
    void running.then(() => (state.ended = true));
    while (!state.ended) {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        for (const file of ['cmdline', 'environ']) {
          try {
            const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
            if (text.includes('/v1/join')) seen.add('curl');
            if (text.includes(secret)) seen.add(`${file} of ${readFileSync(`/proc/${pid}/comm`, 'utf8')}`);
          } catch {
            // It has ended.
          }
        }
      }
      await sleep(5);
    }
    t.same([...seen], ['curl']);
  });
});
