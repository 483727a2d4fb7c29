#!/usr/bin/env node
// Plain JavaScript, in a syntax that Node 12 parses, so that a Node that is too old can say so. A clone runs its sources; the published
// package has none and runs what they were compiled to, because Node strips no types under node_modules.
// oxlint-disable-next-line unicorn/prefer-node-protocol -- Node 12 does not know the prefix everywhere
import { existsSync, statSync } from 'fs';
// oxlint-disable-next-line unicorn/prefer-node-protocol -- as above
import module from 'module';
// oxlint-disable-next-line unicorn/prefer-node-protocol -- as above
import { fileURLToPath } from 'url';

const NEEDED = [24, 21];
const found = process.versions.node.split('.').map(Number);

if (found[0] > NEEDED[0] || (found[0] === NEEDED[0] && found[1] >= NEEDED[1])) {
  const source = new URL('../src/cli/main.ts', import.meta.url);
  const built = new URL('../dist/cli/main.js', import.meta.url);
  const modules = new URL('../node_modules/', import.meta.url);
  // Stripping types takes a third of a second at each start. Who may write there may write the sources, too; but root should leave no
  // files there that "npm ci" of the clone's owner could not remove.
  if (existsSync(source) && existsSync(modules) && statSync(modules).uid === process.getuid()) {
    module.enableCompileCache(fileURLToPath(new URL('.cache/realmward', modules)));
  }
  void import((existsSync(source) ? source : built).href).then(run);
} else {
  console.error(
    `realmward needs Node ${NEEDED.join('.')} or later, and ${process.execPath} is ${process.versions.node}: in a clone, run "npm ci", ` +
      'which brings that Node, and then "npx realmward" or "npm start", which use it; elsewhere get it from https://nodejs.org.',
  );
  process.exitCode = 1;
}

async function run({ main }) {
  process.exitCode = await main(process.argv.slice(2));
}
