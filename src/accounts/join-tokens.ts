import { RealmwardError } from '../base/errors.ts';
import { toHex } from '../base/bytes.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import type { JoinToken, JoinTokenRepository } from '../realm/join-token.ts';
import type { Accounts } from './accounts.ts';
import { bearerHash } from './devices.ts';

const MAX_USES = 100_000;
/** A year: a token is for a piece of work. */
const MAX_TTL = 365 * 86_400;

/** Makes a token that `uses` devices may join with during `ttl` seconds. The token itself is told this once. Throws `RealmwardError` `bad-join-token`. */
export async function createJoinToken(
  {
    crypto,
    clock,
    joinTokens,
  }: Pick<Accounts, 'crypto' | 'clock'> & { readonly joinTokens: JoinTokenRepository },
  { uses, ttl }: { readonly uses: number; readonly ttl: Seconds },
): Promise<{ readonly token: string; readonly joinToken: JoinToken }> {
  if (!Number.isInteger(uses) || uses < 1 || uses > MAX_USES)
    throw badToken(`it may have from 1 to ${MAX_USES} uses`);
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL)
    throw badToken('it may live from a second to a year');
  const created = nowSeconds(clock);
  const id = toHex(crypto.randomBytes(4));
  const token = `rwj_${Buffer.from(crypto.randomBytes(32)).toString('base64url')}`;
  const joinToken = { id, created, expires: created + ttl, uses };
  await joinTokens.add(joinToken, bearerHash(token));
  return { token, joinToken: { ...joinToken, used: 0 } };
}

function badToken(why: string): RealmwardError {
  return new RealmwardError('bad-join-token', `such a join token cannot be made: ${why}`, {
    hint: 'For instance --uses 300 --ttl 8h.',
  });
}
