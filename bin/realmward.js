#!/usr/bin/env node
// Plain JavaScript, in a syntax that Node 12 parses, so that a Node that is too old can say so. A clone runs its sources; the published
// package has none and runs what they were compiled to, because Node strips no types under node_modules.
// oxlint-disable-next-line unicorn/prefer-node-protocol -- Node 12 does not know the prefix everywhere
import { existsSync } from 'fs';

const NEEDED = [24, 21];
const found = process.versions.node.split('.').map(Number);

if (found[0] > NEEDED[0] || (found[0] === NEEDED[0] && found[1] >= NEEDED[1])) {
  const source = new URL('../src/cli/main.ts', import.meta.url);
  const built = new URL('../dist/cli/main.js', import.meta.url);
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
