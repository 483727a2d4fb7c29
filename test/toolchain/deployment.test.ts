import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requirePeer } from '../support/peers.ts';
import { run, temporaryFolder } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

await t.test('the image is built from files that are there and are handed to the build', async (t) => {
  const handed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((match) =>
    (match[1] as string).split(' '),
  );
  t.ok(copied.length > 5, 'COPY lines were found');
  for (const name of copied) {
    t.ok(existsSync(join(root, name)), `${name} is there`);
    t.ok(handed.includes(name), `.dockerignore lets ${name} through`);
  }
  t.strictSame(
    handed.filter((name) => !copied.includes(name)),
    [],
    'and nothing else',
  );
});

await t.test(
  'the image serves as a user without rights and proves its health with a real request',
  async (t) => {
    const [, final = ''] = read('Dockerfile')
      .split(/^FROM .*$/m)
      .slice(1);
    t.match(final, /^USER node$/m);
    t.match(final, /setcap cap_net_bind_service=\+ep/);
    t.match(final, /^VOLUME \/var\/lib\/realmward$/m);
    const health = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(final)?.[1];
    t.strictSame(JSON.parse(health ?? '[]'), ['node', 'bin/realmward.js', 'ping']);
  },
);

await t.test('the systemd unit is valid, and systemd rates it safe', async (t) => {
  const unit = read('packaging/realmward.service');
  const values = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]);
  t.strictSame(values('CapabilityBoundingSet'), ['CAP_NET_BIND_SERVICE']);
  t.strictSame(values('AmbientCapabilities'), ['CAP_NET_BIND_SERVICE']);
  t.strictSame(values('NoNewPrivileges'), ['yes']);
  t.strictSame(values('StateDirectoryMode'), ['0700']);
  t.ok(values('RestrictAddressFamilies')[0]?.includes('AF_NETLINK'), 'the local addresses can be listed');

  if (!requirePeer(t, 'systemd')) return;
  // The program is not installed on a machine that runs the tests.
  const file = join(temporaryFolder(t), 'realmward.service');
  writeFileSync(file, unit.replace('/usr/local/bin/realmward', '/bin/true'));
  const verified = await run('systemd-analyze', ['verify', '--man=no', file]);
  t.equal(verified.code, 0, verified.output);
  t.notMatch(verified.output, /realmward\.service/, 'there is nothing to complain about');
  // Of 100; systemd calls 40 and more "medium".
  const rated = await run('systemd-analyze', [
    'security',
    '--offline=true',
    '--threshold=20',
    '--no-pager',
    file,
  ]);
  t.equal(rated.code, 0, rated.output);
});
