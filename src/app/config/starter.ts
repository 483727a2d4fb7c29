import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { RealmwardError } from '../../base/errors.ts';
import { parseConfig } from './load.ts';

/** Writes a configuration to begin with to a file that does not exist. Throws `ConfigError`, `RealmwardError` `exists`, or the system's error. */
export function writeStarterConfig(
  file: string,
  { realm, data, listen }: { realm: string; data: string; listen?: readonly string[] },
): void {
  const text = `# Configuration of a realmward server. docs/configuration.md explains every key; "realmward config check" checks it.

# Case-sensitive, and for good: keys made from passwords depend on it.
${stringify({ realm }).trim()}

# Master key and store; relative to this file. Back both up, and keep the key apart from the store.
${stringify({ data }).trim()}

listen:
  # UDP and TCP.
  kdc: ${JSON.stringify(listen ?? ['0.0.0.0:88', '[::]:88'])}
  # Where users change their passwords.
  ${listen === undefined ? '' : '# '}kpasswd: ["0.0.0.0:464", "[::]:464"]
  # Where devices join and log people in; needs https.names. docs/https.md tells how.
  # https: ["0.0.0.0:443", "[::]:443"]

# Names and addresses of this server that devices and browsers use.
# https: { names: [realm.${realm.toLowerCase()}] }

policy:
  maxLife: 10h
  maxRenew: 7d
  clockSkew: 5m
  # After ten wrong passwords, no two of them more than 15 minutes apart, an account is locked for 15 minutes.
  lockout: { maxFailures: 10, window: 15m, duration: 15m }
`;
  parseConfig(text, file);
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new RealmwardError('exists', `${file} exists already`, {
      hint: 'Name another file, or remove this one first.',
      cause: error,
    });
  }
}
