import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, openSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Key } from '../../src/base/key.ts';
import { openLineFile } from '../../src/ops/line-file.ts';
import { createLog } from '../../src/ops/log.ts';
import { redact } from '../../src/ops/redact.ts';
import { temporaryFolder } from '../support/run.ts';

function jsonLines(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8');
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line is torn');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

await t.test('writes JSON lines to a file for this user alone, in a folder it creates', async (t) => {
  const file = join(temporaryFolder(t), 'deep/er/realmward.log');
  const log = createLog({ file });
  log.logger.info({ realm: 'A.EXAMPLE' }, 'started');
  log.logger.debug({}, 'not at this level');
  log.line('warn', { client: 'line\n"breaker"', offered: [20, 18], right: undefined, msg: 'refused' });
  log.line('info', {});
  await log.close();
  const lines = jsonLines(file);
  t.match(lines, [
    { level: 30, realm: 'A.EXAMPLE', msg: 'started' },
    { level: 40, client: 'line\n"breaker"', offered: [20, 18], msg: 'refused' },
    { level: 30 },
  ]);
  t.same(Object.keys(lines[0] ?? {}), ['level', 'time', 'realm', 'msg']);
  t.same(Object.keys(lines[2] ?? {}), ['level', 'time']);
  t.ok(lines.every(({ time }) => Math.abs(Number(time) - Date.now()) < 60_000));
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
});

await t.test('appends to a file that exists, and leaves its mode alone', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  for (const n of [1, 2]) {
    const log = createLog({ file });
    log.line('info', { n });
    await log.close();
    chmodSync(file, 0o640);
  }
  t.match(jsonLines(file), [{ n: 1 }, { n: 2 }]);
  t.equal(statSync(file).mode & 0o777, 0o640);
});

await t.test('the level decides for every kind of line', async (t) => {
  for (const [level, expected] of [
    ['debug', 5],
    ['info', 4],
    ['warn', 3],
    ['error', 1],
    ['silent', 0],
  ] as const) {
    const file = join(temporaryFolder(t), 'log');
    const log = createLog({ file, level });
    log.logger.debug({});
    log.logger.warn({});
    log.logger.error({});
    log.line('info', {});
    log.line('warn', {});
    await log.close();
    t.equal(jsonLines(file).length, expected, level);
  }
});

await t.test('no secret reaches the log, however deep it stands', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  const log = createLog({ file });
  const secret = 'correct horse';
  const key = new Key(18, Buffer.from(secret));
  const circle: Record<string, unknown> = { name: 'circle' };
  circle['self'] = circle;
  log.logger.info({ password: secret, user: { name: 'alice', password: secret } }, 'nested');
  log.logger.info({ list: [{ deep: { headers: { authorization: secret } } }], realmKey: key });
  log.logger.child({ token: secret, id: 7 }).info('child');
  log.logger.info({ circle }, 'circle');
  await log.close();
  const text = readFileSync(file, 'utf8');
  t.notMatch(text, secret);
  t.notMatch(text, Buffer.from(secret).toString('hex'));
  t.match(jsonLines(file), [
    { password: '[Redacted]', user: { name: 'alice', password: '[Redacted]' } },
    { list: [{ deep: { headers: { authorization: '[Redacted]' } } }], realmKey: 'Key(etype 18)' },
    { token: '[Redacted]', id: 7, msg: 'child' },
    { msg: 'circle' },
  ]);
});

await t.test('what holds no secret is not copied, and the caller keeps its own', async (t) => {
  const plain = { a: 1, b: { c: [1, { d: 2 }] } };
  t.equal(redact(plain), plain);
  const fields = { a: { password: 'x' } };
  t.same(redact(fields), { a: { password: '[Redacted]' } });
  t.equal(fields.a.password, 'x');
});

await t.test('errors keep their stack', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  const log = createLog({ file });
  log.logger.error({ err: new Error('it broke') }, 'oh');
  await log.close();
  t.match(jsonLines(file), [{ err: { message: 'it broke', stack: /log\.test\.ts/ }, msg: 'oh' }]);
});

await t.test('a long run of lines arrives completely and in order, through rotations', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'log');
  const log = createLog({ file });
  const files = [file];
  for (let n = 0; n < 30_000; n++) {
    log.line('info', { n, padding: 'x'.repeat(n % 300) });
    if (n % 7000 === 3500) {
      const renamed = join(folder, `log.${n}`);
      renameSync(file, renamed);
      files.splice(-1, 0, renamed);
      log.reopen();
      await new Promise(setImmediate);
    }
  }
  await log.flush();
  const flushed = files.flatMap((each) => jsonLines(each).map(({ n }) => n));
  t.equal(flushed.length, 30_000);
  t.ok(flushed.every((n, i) => n === i));
  t.equal(files.length, 5);
  t.ok(jsonLines(file).length > 0, 'the new file has the newest lines');
  t.equal(statSync(file).mode & 0o777, 0o600);
  await log.close();
});

await t.test('lines are complete when the process exits, throws, or rejects', async (t) => {
  const folder = temporaryFolder(t);
  const source = new URL('../../src/ops/log.ts', import.meta.url).href;
  for (const [end, code] of [
    ['process.exit(3)', 3],
    ["throw new Error('crash')", 1],
    ["await Promise.reject(new Error('crash'))", 1],
  ] as const) {
    const file = join(folder, `log-${end.length}`);
    const script = `
      const { createLog } = await import(${JSON.stringify(source)});
      const log = createLog({ file: ${JSON.stringify(file)} });
      for (let n = 0; n < 4000; n++) {
        log.line('info', { n, padding: 'x'.repeat(100) });
        if (n === 2000) await new Promise(setImmediate);
      }
      ${end}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    const [exit] = (await once(child, 'exit')) as [number];
    t.equal(exit, code);
    const numbers = jsonLines(file).map(({ n }) => n);
    t.equal(numbers.length, 4000, end);
    t.ok(numbers.every((n, i) => n === i));
  }
});

await t.test('a line that waits is written soon, and flushSync writes at once', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  const sink = openLineFile(file);
  t.teardown(() => sink.close());
  sink.write('soon\n');
  while (statSync(file).size === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  sink.write('at once\n');
  sink.flushSync();
  t.equal(readFileSync(file, 'utf8'), 'soon\nat once\n');
});

await t.test('a full disk loses lines, says how many, and stops nothing', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'log');
  symlinkSync('/dev/full', file);
  const said: string[] = [];
  t.capture(process.stderr, 'write', (text: string) => (said.push(text), true));
  const sink = openLineFile(file);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10; n++) sink.write('lost\n');
    await sink.flush();
  }
  t.equal(said.length, 1, 'standard error is told once');
  t.match(said[0], /cannot be written: ENOSPC/);
  rmSync(file);
  sink.reopen();
  sink.write('{"n":31}\n');
  await sink.close();
  t.match(jsonLines(file), [{ level: 50, lost: 30 }, { n: 31 }]);
});

await t.test('lines that a slow disk does not take are bounded and counted', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  const sink = openLineFile(file);
  const line = `${JSON.stringify({ padding: 'x'.repeat(1000) })}\n`;
  const written = 20_000;
  for (let n = 0; n < written; n++) sink.write(line);
  await sink.flush();
  sink.write('{"last":true}\n');
  await sink.close();
  const lines = jsonLines(file);
  const lost = lines.reduce((sum, each) => sum + Number(each['lost'] ?? 0), 0);
  t.ok(lost > 0);
  t.equal(lines.filter((each) => 'padding' in each).length + lost, written);
  t.match(lines.at(-1), { last: true });
});

await t.test('says which file cannot be opened, and what to do', async (t) => {
  const folder = temporaryFolder(t);
  t.throws(() => createLog({ file: folder }), {
    code: 'log-file',
    message: /cannot be opened: EISDIR/,
    hint: /may write/,
  });
});

await t.test('a log that cannot be reopened goes on in the old file', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'logs/log');
  const log = createLog({ file });
  t.capture(process.stderr, 'write', () => true);
  log.line('info', { n: 1 });
  renameSync(join(folder, 'logs'), join(folder, 'old'));
  symlinkSync('/dev/null', join(folder, 'logs'));
  log.reopen();
  log.line('info', { n: 2 });
  await log.close();
  t.match(jsonLines(join(folder, 'old/log')), [{ n: 1 }, { n: 2 }]);
});

await t.test('people get lines of text, also beside a file', async (t) => {
  const folder = temporaryFolder(t);
  const output = openSync(join(folder, 'out'), 'a');
  const log = createLog({ file: join(folder, 'log'), pretty: true, output });
  log.logger.info({ address: '127.0.0.1:88' }, 'listening');
  log.line('warn', { client: 'alice', msg: 'the password is wrong' });
  await log.close();
  const text = readFileSync(join(folder, 'out'), 'utf8');
  t.match(text, /^\[\d\d:\d\d:\d\d\] INFO: listening .*127\.0\.0\.1:88/);
  t.match(text, /\n\[\d\d:\d\d:\d\d\] WARN: the password is wrong .*alice/);
  t.equal(jsonLines(join(folder, 'log')).length, 2);
});

await t.test(
  'without a file JSON lines go to the output, and a reader who leaves stops nothing',
  async (t) => {
    const folder = temporaryFolder(t);
    const output = openSync(join(folder, 'out'), 'a');
    const log = createLog({ output });
    log.line('info', { n: 1 });
    log.reopen();
    await log.flush();
    t.match(jsonLines(join(folder, 'out')), [{ n: 1 }]);
    await log.close();
    const full = createLog({ output: openSync('/dev/full', 'a') });
    for (let n = 0; n < 3; n++) {
      full.line('info', { n });
      await full.flush();
    }
    await full.close();
  },
);
