/** Runs command lines of realmward one after the other in one process; started by transcript.ts, which says why. */
import { Readable } from 'node:stream';
import { main } from '../../src/cli/main.ts';

export interface CommandLine {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly input: string;
}

process.on('message', (command: CommandLine) => {
  void run(command).then((result) => process.send?.(result));
});

async function run({ cwd, env, args, input }: CommandLine) {
  process.chdir(cwd);
  process.env = { ...env };
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(input)]), configurable: true });
  const stdout = capture(process.stdout);
  const stderr = capture(process.stderr);
  try {
    const code = await main(args);
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.end();
    stderr.end();
  }
}

function capture(stream: NodeJS.WriteStream) {
  const { write } = stream;
  let text = '';
  stream.write = (piece: Uint8Array | string) => {
    text += piece.toString();
    return true;
  };
  return { text: () => text, end: () => void (stream.write = write) };
}
