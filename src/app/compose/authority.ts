import { chmodSync, closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RealmwardError } from '../../base/errors.ts';
import type { Clock } from '../../base/ports.ts';
import { type Authority, createAuthority, openAuthority } from '../../pki/authority.ts';
import { createPrivateFile, reasonOf } from '../../store/data-dir.ts';

/** The realm's CA, and where its certificate can be copied from. */
export interface LocalAuthority {
  readonly authority: Authority;
  /** PEM of the certificate alone. */
  readonly file: string;
}

/**
 * Opens the CA of a data folder, made where there is none: key and certificate in `ca.key`, 0600, complete or not at all; the certificate also in
 * `ca.pem`, for people to copy. Throws `RealmwardError` `bad-ca`, `ca-expired`, `exposed-ca-key`.
 */
export async function openLocalAuthority(data: string, realm: string, clock: Clock): Promise<LocalAuthority> {
  const name = join(data, 'ca.key');
  let pem = readSecret(name);
  if (pem === undefined) {
    // Another process may be faster: what is there then is the CA.
    createPrivateFile(name, await createAuthority(realm, clock));
    pem = readSecret(name) ?? '';
  }
  const authority = await openAuthority(pem, { realm, clock, name });
  const file = join(data, 'ca.pem');
  writeFileSync(file, authority.certificate);
  chmodSync(file, 0o644);
  return { authority, file };
}

function readSecret(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RealmwardError('bad-ca', `the local CA in ${file} cannot be read: ${reasonOf(error)}`, {
      hint: 'It must be a file that the user whom realmward runs as may read.',
      cause: error,
    });
  }
  try {
    const { mode } = fstatSync(fd);
    if ((mode & 0o077) === 0) return readFileSync(fd, 'utf8');
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new RealmwardError(
      'exposed-ca-key',
      `the key of the local CA in ${file} can be read by others: its mode is ${shown}`,
      {
        hint: `chmod 600 ${file}. If somebody may have read it, move it away instead: a new CA is made at the next start, whose certificate devices and browsers then need.`,
      },
    );
  } finally {
    closeSync(fd);
  }
}
