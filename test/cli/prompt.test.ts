import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findProgram } from '../support/peers.ts';
import { CLEAN_ENV, temporaryFolder } from '../support/run.ts';
import { realmward, type Shell } from '../support/transcript.ts';

const SCRIPT = findProgram('script');
const BIN = join(import.meta.dirname, '../../bin/realmward.js');

function shellWithConfig(t: Test): Shell {
  const cwd = temporaryFolder(t);
  writeFileSync(
    join(cwd, 'realm.yaml'),
    'realm: REALM1.EXAMPLE\ndata: data\nlisten: { kdc: ["127.0.0.1:10088"] }\n',
  );
  return { cwd, env: { REALMWARD_CONFIG: 'realm.yaml' } };
}

/** Runs realmward in a terminal (util-linux' script), and types each answer when its question has been asked. */
async function atTerminal(
  { cwd, env }: Shell,
  args: readonly string[],
  dialogue: readonly [question: string, answer: string][],
): Promise<{ code: number; screen: string }> {
  const command = [process.execPath, BIN, ...args].join(' ');
  const child = spawn(SCRIPT ?? '', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd,
    env: { ...CLEAN_ENV, ...env, HOME: cwd, TERM: 'xterm' },
  });
  const open = [...dialogue];
  let screen = '';
  let unread = '';
  const read = (text: string): void => {
    screen += text;
    unread += text;
    const [next] = open;
    if (next === undefined || !unread.includes(next[0])) return;
    unread = '';
    open.shift();
    child.stdin.write(next[1]);
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
  return { code, screen };
}

if (SCRIPT === undefined) {
  t.pass('a terminal can be played', { skip: 'there is no script (util-linux)' });
} else {
  await t.test('at a terminal a new password is asked for twice and never shown', async (t) => {
    const shell = shellWithConfig(t);
    const added = await atTerminal(
      shell,
      ['user', 'add', 'bob', '--right', 'Viewer'],
      [
        ['New password of bob', 'Geheim-4711\r'],
        ['The same again', 'Geheim-4711\r'],
      ],
    );
    t.match(added, { code: 0, screen: /Created the user bob@REALM1\.EXAMPLE with the right Viewer\./ });
    t.notMatch(added.screen, 'Geheim');

    const differ = await atTerminal(
      shell,
      ['user', 'password', 'bob'],
      [
        ['New password of bob@REALM1.EXAMPLE', 'Geheim-4711\r'],
        ['The same again', 'Geheim-4712\r'],
      ],
    );
    t.match(differ, {
      code: 1,
      screen: /realmward: the two passwords differ\r?\nNothing was changed\. Try again\./,
    });

    const cancelled = await atTerminal(shell, ['user', 'password', 'bob'], [['New password', '\x03']]);
    t.match(cancelled, { code: 6, screen: /realmward: cancelled\r?\nNothing was changed\./ });
    t.match(JSON.parse((await realmward(shell, ['user', 'show', 'bob', '--json'])).stdout), { kvno: 1 });
  });

  await t.test(
    'the secret of a trust is asked for twice, the password of a user who is tested once',
    async (t) => {
      const shell = shellWithConfig(t);
      const added = await atTerminal(
        shell,
        ['trust', 'add', 'M.EXAMPLE', '--direction', 'both', '--kdcs', '127.0.0.1:1'],
        [
          ['New secret shared with M.EXAMPLE', 'Geheim-4711\r'],
          ['The same again', 'Geheim-4711\r'],
        ],
      );
      t.match(added, { code: 0, screen: /Made the trust with M\.EXAMPLE/ });
      const tested = await atTerminal(
        shell,
        ['trust', 'test', 'M.EXAMPLE', '--user', 'alice'],
        [['Password of alice@M.EXAMPLE:', 'Geheim-4712\r']],
      );
      t.match(tested, { code: 1, screen: /cause: no-answer/ });
      t.notMatch(added.screen + tested.screen, 'Geheim');
    },
  );

  await t.test('a password is not asked for where it would be in vain', async (t) => {
    const shell = shellWithConfig(t);
    await realmward(shell, ['user', 'add', 'bob', '--password-stdin'], 'Geheim-4711');
    const twice = await atTerminal(shell, ['user', 'add', 'bob'], []);
    t.match(twice, { code: 4, screen: /^realmward: "bob" exists already/ });
    t.match(await atTerminal(shell, ['user', 'password', 'carol'], []), {
      code: 3,
      screen: /^realmward: the realm has no principal "carol"/,
    });
  });

  await t.test('at a terminal removing takes a yes; --yes is one', async (t) => {
    const shell = shellWithConfig(t);
    await realmward(shell, ['service', 'add', 'host/a.example', 'host/b.example']);
    const no = await atTerminal(
      shell,
      ['service', 'remove', 'host/a.example'],
      [['Remove host/a.example@REALM1.EXAMPLE and its keys for good? [y/N]', '\r']],
    );
    t.match(no, { code: 6, screen: /realmward: cancelled/ });
    const yes = await atTerminal(shell, ['service', 'remove', 'host/a.example'], [['[y/N]', 'y\r']]);
    t.match(yes, { code: 0, screen: /Removed host\/a\.example@REALM1\.EXAMPLE\./ });
    const silent = await atTerminal(shell, ['service', 'remove', 'host/b.example', '--yes'], []);
    t.match(silent, { code: 0, screen: /^Removed host\/b\.example/ });
    t.same(JSON.parse((await realmward(shell, ['service', 'list', '--json'])).stdout), []);
  });
}
