import { RealmwardError } from '../base/errors.ts';
import { nowSeconds } from '../base/ports.ts';
import { accountName, nameTaken } from '../realm/account-name.ts';
import { foldName } from '../realm/name.ts';
import type { NewPrincipal } from '../realm/ports.ts';
import { type Right, RIGHTS } from '../realm/right.ts';
import type { Accounts } from './accounts.ts';
import { type NewKey, parseKeys, passwordKeys, randomKeys, withKvno } from './keys.ts';
import { checkUserPassword } from './password.ts';

/** A row of a list of users, as it stands there; an empty text is as good as none. */
export interface UserRow {
  /** Where it stands, for messages. */
  readonly line: number;
  readonly name: string;
  readonly right?: string | undefined;
  /** At most one of these two; neither: random keys. */
  readonly password?: string | undefined;
  /** See `parseKeys`. */
  readonly keys?: string | undefined;
}

export interface ImportProgress {
  /** Rows dealt with. */
  readonly rows: number;
  readonly added: number;
  /** Users that existed before; nothing about them was changed. */
  readonly skipped: number;
}

/** Rows in one transaction; fewer where passwords make each of them slow. */
const BATCH_ROWS = 1000;
const BATCH_PASSWORDS = 50;

/**
 * Adds users from a list, a batch at a time, each complete or not at all; `onProgress` is told after each. A row that is wrong ends the import with
 * `RealmwardError` `bad-row`, which names its line: all rows before it are in the store, and the same list can be imported again, as users that exist are
 * skipped.
 */
export async function importUsers(
  accounts: Accounts,
  rows: AsyncIterable<UserRow> | Iterable<UserRow>,
  onProgress: (progress: ImportProgress) => void = () => {},
): Promise<ImportProgress> {
  let progress: ImportProgress = { rows: 0, added: 0, skipped: 0 };
  let batch: CheckedRow[] = [];
  let passwords = 0;

  const commit = async (): Promise<void> => {
    const { added, bad } = await addBatch(accounts, batch);
    const handled = bad?.index ?? batch.length;
    progress = {
      rows: progress.rows + handled,
      added: progress.added + added,
      skipped: progress.skipped + handled - added,
    };
    batch = [];
    passwords = 0;
    onProgress(progress);
    if (bad !== undefined) throw badRow(bad.row, bad.error, progress);
  };

  for await (const row of rows) {
    let checked: CheckedRow;
    try {
      checked = checkRow(accounts, row);
    } catch (error) {
      await commit();
      throw badRow(row, error, progress);
    }
    batch.push(checked);
    if (checked.password !== undefined) passwords++;
    if (batch.length >= BATCH_ROWS || passwords >= BATCH_PASSWORDS) await commit();
  }
  if (batch.length > 0) await commit();
  return progress;
}

/** A row that can be imported, if no other name is in its way. */
interface CheckedRow {
  readonly line: number;
  readonly name: string;
  readonly right: Right | undefined;
  readonly password: string | undefined;
  readonly keys: readonly NewKey[] | undefined;
}

function checkRow(accounts: Accounts, row: UserRow): CheckedRow {
  const name = accountName(row.name, 'user', accounts.realm);
  const right = filled(row.right);
  const password = filled(row.password);
  const keys = filled(row.keys);
  if (right !== undefined && !isRight(right)) {
    throw new RealmwardError('bad-right', `"${right}" is no right`, {
      hint: `Rights are ${RIGHTS.join(', ')}.`,
    });
  }
  if (password !== undefined && keys !== undefined) {
    throw new RealmwardError('bad-keys', 'it has both a password and keys', {
      hint: 'Leave one of them out.',
    });
  }
  if (password !== undefined) checkUserPassword(accounts, name, password);
  return {
    line: row.line,
    name,
    right,
    password,
    keys: keys === undefined ? undefined : parseKeys(accounts, keys),
  };
}

/** Adds what does not exist, up to a row whose name is taken by another spelling. */
async function addBatch(
  accounts: Accounts,
  batch: readonly CheckedRow[],
): Promise<{ added: number; bad?: { index: number; row: CheckedRow; error: RealmwardError } }> {
  const existing = await accounts.principals.taken(batch.map((row) => row.name));
  const seen = new Map<string, string>();
  const fresh: CheckedRow[] = [];
  for (const [index, row] of batch.entries()) {
    const folded = foldName(row.name);
    const other = existing.get(row.name) ?? seen.get(folded);
    if (other !== undefined && other !== row.name) {
      const added = await addFresh(accounts, fresh);
      return { added, bad: { index, row, error: nameTaken(row.name, other) } };
    }
    if (other === undefined) fresh.push(row);
    seen.set(folded, row.name);
  }
  return { added: await addFresh(accounts, fresh) };
}

async function addFresh(accounts: Accounts, rows: readonly CheckedRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  const passwordChanged = nowSeconds(accounts.clock);
  const principals = rows.map(async ({ name, right, password, keys }): Promise<NewPrincipal> => {
    const made =
      keys ?? (password === undefined ? randomKeys(accounts) : await passwordKeys(accounts, name, password));
    return { name, kind: 'user', right, passwordChanged, keys: withKvno(made, 1) };
  });
  return accounts.principals.addMany(await Promise.all(principals));
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function isRight(text: string): text is Right {
  return (RIGHTS as readonly string[]).includes(text);
}

function badRow(
  { line, name }: { line: number; name: string },
  cause: unknown,
  { added, skipped }: ImportProgress,
): RealmwardError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const fix = cause instanceof RealmwardError && cause.hint !== undefined ? `${cause.hint} ` : '';
  return new RealmwardError('bad-row', `line ${line} (${JSON.stringify(name)}): ${why}`, {
    hint: `${fix}The rows before it are in the store (${added} added, ${skipped} existed). Correct the line and import the list again: users that exist are skipped.`,
    cause,
  });
}
