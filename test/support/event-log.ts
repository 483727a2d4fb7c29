import type { TestKdc } from './kdc.ts';

/** A line of the log about a request, as far as tests look at it. */
export interface RequestLine {
  readonly msg: string;
  readonly exchange?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly client?: string;
  readonly server?: string;
  readonly rights?: readonly string[];
  readonly groups?: readonly string[];
  readonly wouldGrant?: readonly string[];
}

/** The last line that the KDC logged about a request, beyond the first `from` characters of its log. Throws where there is none. */
export function lastEvent(kdc: TestKdc, from = 0): RequestLine {
  const lines = kdc.log().slice(from).split('\n');
  const line = lines.findLast((text) => text.startsWith('{') && text.includes('"exchange"'));
  if (line === undefined) throw new Error(`no request in the log:\n${kdc.log()}`);
  return JSON.parse(line) as RequestLine;
}
