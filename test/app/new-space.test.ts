import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const PROGRAM = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { holdNewSpace } from ${JSON.stringify(fileURLToPath(new URL('../../src/app/new-space.ts', import.meta.url)))};
  if (process.argv[1] === 'hold') holdNewSpace();
  const kept = [];
  for (let i = 0; i < 3_000_000; i++) kept[i % 300_000] = [i];
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  console.log(space.space_size / 2 ** 20);
`;

await t.test('The space for new objects grows under load, and does not once it is held', async (t) => {
  const megabytes = async (mode: string): Promise<number> => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      PROGRAM,
      mode,
    ]);
    return Number(stdout);
  };
  const free = await megabytes('free');
  const held = await megabytes('hold');
  t.ok(free >= 16, `${free} MB without`);
  t.ok(held <= 8, `${held} MB with`);
});
