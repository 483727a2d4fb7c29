import { createReadStream, readFileSync } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import type { UserRow } from '../accounts/import-users.ts';
import { RealmwardError } from '../base/errors.ts';
import { suggest } from './config/suggest.ts';

const COLUMNS = ['name', 'right', 'password', 'keys'];

/** Lines of a file, to show progress by; `undefined` for standard input, which is named `-`. */
export function countLines(file: string): number | undefined {
  if (file === '-') return undefined;
  let lines = 0;
  for (const byte of readFileSync(file)) if (byte === 10) lines++;
  return lines;
}

/**
 * Rows of a CSV file (RFC 4180) of users, as they are read; its first line names the columns. Throws `RealmwardError` `bad-csv`, whose message
 * quotes nothing of the file but the names of columns, as passwords stand in it; or the system's error.
 */
export async function* readUserList(file: string): AsyncGenerator<UserRow> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const parser = parse({
    bom: true,
    columns: checkColumns,
    info: true,
    skip_empty_lines: true,
    max_record_size: 1 << 16,
  });
  input.on('error', (error: Error) => parser.destroy(error));
  input.pipe(parser);
  try {
    for await (const { info, record } of parser as AsyncIterable<{
      info: { lines: number };
      record: Record<string, string>;
    }>) {
      yield {
        line: info.lines,
        name: record['name'] ?? '',
        right: record['right'],
        password: record['password'],
        keys: record['keys'],
      };
    }
  } catch (error) {
    throw error instanceof CsvError ? badCsv(error) : error;
  }
}

function checkColumns(headings: string[]): string[] {
  for (const heading of headings) {
    if (COLUMNS.includes(heading)) continue;
    const similar = suggest(heading, COLUMNS);
    throw new RealmwardError('bad-csv', `line 1: "${heading.slice(0, 40)}" is no column of a list of users`, {
      hint:
        similar === undefined
          ? `The first line names the columns: ${COLUMNS.join(', ')}.`
          : `Write "${similar}".`,
    });
  }
  if (headings.includes('name') && new Set(headings).size === headings.length) return headings;
  throw new RealmwardError('bad-csv', 'line 1: the column "name" must be there, and no column twice', {
    hint: `The first line names the columns: ${COLUMNS.join(', ')}.`,
  });
}

function badCsv(error: CsvError): RealmwardError {
  const [what, hint] = PROBLEMS[error.code] ?? [
    'is not CSV',
    'Save the list as CSV with commas and double quotes.',
  ];
  return new RealmwardError('bad-csv', `line ${Number(error['lines'])}: it ${what}`, {
    hint,
    cause: undefined,
  });
}

const PROBLEMS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  CSV_RECORD_INCONSISTENT_COLUMNS: [
    'has another number of columns than the first line',
    'A comma in a value wants double quotes around the value.',
  ],
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: [
    'has another number of columns than the first line',
    'A comma in a value wants double quotes around the value.',
  ],
  CSV_QUOTE_NOT_CLOSED: [
    'has a double quote that is not closed',
    'A double quote in a value is written twice, in a value with double quotes around it.',
  ],
  CSV_INVALID_CLOSING_QUOTE: [
    'goes on behind a closing double quote',
    'A double quote in a value is written twice, in a value with double quotes around it.',
  ],
  INVALID_OPENING_QUOTE: [
    'has a double quote inside a value',
    'A double quote in a value is written twice, in a value with double quotes around it.',
  ],
  CSV_MAX_RECORD_SIZE: [
    'is too long for a user',
    'Check the double quotes: one that is not closed makes a line of many.',
  ],
};
