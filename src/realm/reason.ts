/**
 * A reason to refuse a request, as every service of the realm states it: a row of the service's own table, whose key is the stable code. What
 * stands in the log follows from these tables, and so does docs/events.md; codes are unique among all of them.
 */
export interface ReasonRow {
  /** Severity of the log line: `info` for what happens daily, `warn` for what an operator should look at. */
  readonly level: 'info' | 'warn';
  /** What happened, in one sentence; the client is told this, too, unless `told` replaces it. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
  /** What the client is told instead of `text`, where the reason itself must not be told. */
  readonly told?: string;
}
