/** A local account for the day on which the realm cannot be reached. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Folder } from './files.ts';
import type { LogIn, LoginResult } from './result.ts';

/** Its name. No account of the realm has it. */
const EMERGENCY = 'emergency';

const HASH = 'emergency.json';
const LABEL = 'emergency-password.txt';
const HOUR = 3_600_000;

/**
 * Makes a login that asks `logIn` first, and takes the emergency account where that can reach nobody, and only then. Its password is made at the
 * device's first start and written to a file once: print it on the label in the box, and remove the file. The device keeps a hash.
 */
export async function withEmergency(folder: Folder, logIn: LogIn): Promise<LogIn> {
  const { salt, hash } = await storedHash(folder);
  let busy = false;

  return async (user, password) => {
    if (nameIn(user) !== EMERGENCY) return logIn(user, password);
    // The realm is asked about the same name, so its log shows that somebody tried; but the password of this account does not leave the device.
    const told = await logIn(user, randomBytes(24).toString('base64url'));
    if (told.result !== 'unreachable') return CLOSED;
    // The password has 96 random bits, which nobody guesses; but hashing takes memory, so it is done for one at a time.
    if (busy) return BUSY;
    busy = true;
    try {
      if (!timingSafeEqual(await hashOf(password, salt), hash)) return WRONG;
    } finally {
      busy = false;
    }
    return { result: 'granted', principal: EMERGENCY, right: 'Administrator', expires: Date.now() + HOUR };
  };
}

/** The name without realm: whoever is of a trusted realm that cannot be reached writes `REALM\emergency`. */
function nameIn(user: string): string {
  return user.slice(user.indexOf('\\') + 1).split('@', 1)[0] as string;
}

async function storedHash(folder: Folder): Promise<{ salt: Buffer; hash: Buffer }> {
  const known = folder.read(HASH);
  if (known !== undefined) {
    const { salt, hash } = JSON.parse(known.toString()) as Record<'salt' | 'hash', string>;
    return { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
  }
  const password = randomBytes(12).toString('base64url');
  const salt = randomBytes(16);
  const hash = await hashOf(password, salt);
  folder.write(LABEL, `${password}\n`);
  folder.write(HASH, JSON.stringify({ salt: salt.toString('base64'), hash: hash.toString('base64') }));
  return { salt, hash };
}

const COST: ScryptOptions = { N: 1 << 15, r: 8, p: 1, maxmem: 64 << 20 };

function hashOf(password: string, salt: Buffer): Promise<Buffer> {
  return (promisify(scrypt) as (p: string, s: Buffer, n: number, o: ScryptOptions) => Promise<Buffer>)(
    password.normalize('NFC'),
    salt,
    32,
    COST,
  );
}

const refused = (message: string, hint: string): LoginResult => ({ result: 'refused', message, hint });

const WRONG = refused(
  'This is not the password of the emergency account.',
  'It is on the label of the device.',
);
const BUSY = refused('Somebody else is trying the emergency account at this moment.', 'Try again.');
const CLOSED = refused(
  'The realm can be reached, so the emergency account is closed.',
  'Log in with your own account: REALM\\user.',
);
