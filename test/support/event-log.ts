import { setTimeout as sleep } from 'node:timers/promises';
import type { TestKdc } from './kdc.ts';

/** A line of the log about a request, as far as tests look at it. */
export interface RequestLine {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly exchange: string;
  readonly action?: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly client?: string;
  readonly server?: string;
  readonly right?: string;
  readonly groups?: string;
  readonly wouldGrant?: string;
}

/**
 * The last line about a request since that moment (`Date.now()`) that has the wanted fields. The log is written in pieces, so it is waited for;
 * rejects with what was logged when none comes.
 */
export async function findEvent(
  kdc: TestKdc,
  since: number,
  wanted: Partial<RequestLine> = {},
): Promise<RequestLine> {
  const fields = Object.entries(wanted);
  let lines: RequestLine[] = [];
  for (let tries = 0; tries < 500; tries++) {
    lines = requestLines(kdc).filter(({ time }) => time >= since);
    const found = lines.findLast((line) =>
      fields.every(([name, value]) => line[name as keyof RequestLine] === value),
    );
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error(
    `no ${JSON.stringify(wanted)} among\n${lines.map((line) => JSON.stringify(line)).join('\n')}`,
  );
}

function requestLines(kdc: TestKdc): RequestLine[] {
  return kdc
    .log()
    .split('\n')
    .filter((text) => text.startsWith('{') && text.endsWith('}') && text.includes('"exchange"'))
    .map((text) => JSON.parse(text) as RequestLine);
}
