import { readFileSync } from 'node:fs';
import type { Define } from '../verbs.ts';

/** realmward decode FILE|- */
export const define: Define = (command, context) => {
  command
    .argument('<file>', 'the message as bytes, hexadecimal or base64; - is standard input')
    .action(async (file: string) => {
      const input = file === '-' ? await readStdin() : readFileSync(file);
      const { explain } = await import('../../codec/explain/explain.ts');
      const { formatTree } = await import('../../codec/explain/tree.ts');
      const tree = explain(input);
      context.print(tree, () => formatTree(tree).trimEnd());
    });
};

/** Enough for a message of any size that is explained, as hexadecimal text. */
const MAX_INPUT = 2 << 20;

async function readStdin(): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of process.stdin) {
    pieces.push(Buffer.from(piece as Uint8Array));
    length += pieces.at(-1)?.length ?? 0;
    // The rest changes nothing: this much is refused already.
    if (length > MAX_INPUT) break;
  }
  return Buffer.concat(pieces);
}
