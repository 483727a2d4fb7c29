import { readFileSync } from 'node:fs';

/** The version of this realmward, of its package.json. */
export function version(): string {
  // As far from src/app/ in a clone as from dist/app/ in the published package.
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** How people call the command line: through npx in a clone, whose sources run as they are. */
export const COMMAND = import.meta.url.endsWith('.ts') ? 'npx realmward' : 'realmward';
