import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { packageVersion } from '../test/support/peers.ts';
import type { ForeignPacFigures } from './foreign-pac.ts';
import type { Figures, Job } from './generator.ts';
import { CONCURRENT_LOGINS, KDC_RATE, type WebFigures } from './web.ts';

/** One line of the table, measured on each implementation in each round. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly work: Job['work'];
  /** Requests a second; left out: sixteen outstanding, as fast as they are answered. */
  readonly rate?: number;
  /** How many times MIT's throughput is wanted. */
  readonly target?: number;
}

/** Figures of every round, by row and implementation. */
export type Measurements = Record<string, Partial<Record<'realmward' | 'mit', Figures[]>>>;

/** Figures of the large realm; sizes in megabytes. */
export interface Large {
  readonly principals: number;
  readonly importSeconds: number;
  readonly readyMs: number;
  readonly rssReady: number;
  readonly rssLoaded: number;
  readonly asPerSecond: number;
  readonly clients: number;
  readonly errors: number;
  readonly lost: number;
}

export interface ReportInput {
  readonly rows: readonly Row[];
  readonly measurements: Measurements;
  readonly rounds: number;
  readonly count: number;
  /** What the generator reaches against an echo server, a second. */
  readonly ceiling: number;
  readonly large: Large | undefined;
  readonly web: WebFigures | undefined;
  readonly foreignPac: ForeignPacFigures | undefined;
  /** Load average of the machine before the bench began. */
  readonly loadBefore: number;
  /** Why MIT was not measured; `undefined` where it was. */
  readonly noMit: string | undefined;
}

/** The results as Markdown. */
export function report(input: ReportInput): string {
  const { rows, measurements, rounds, count, ceiling, large, web, foreignPac, loadBefore, noMit } = input;
  const lines = rows.flatMap((row) => {
    const { realmward = [], mit = [] } = measurements[row.id] ?? {};
    return row.rate === undefined ? throughputLines(row, realmward, mit) : latencyLines(row, realmward, mit);
  });
  const all = Object.values(measurements);
  return `# Bench results

\`npm run bench\`, ${new Date().toISOString().slice(0, 10)}. ${machine()}
realmward ${ownVersion()} on Node ${process.versions.node}; ${noMit === undefined ? `MIT krb5kdc ${packageVersion('krb5-kdc')} (Debian), one worker, \`disable_last_success\`, \`disable_lockout\`` : `no MIT krb5kdc beside it (${noMit})`}.

Each server on one core, the load generator on another, in turns within one run: ${rounds} rounds of ${count} requests after a warm-up, medians, and
the range in brackets. UDP, sixteen requests outstanding; every request is unique, and every reply was opened with its key afterwards. One etype on both
sides (aes256-cts-hmac-sha1-96) and the same limit for UDP replies. Latency at a given rate counts from when a request was due. The generator reaches
${thousands(ceiling)} a second against an echo server.${loadBefore > 0.5 ? ` The machine was busy with other things (load average ${loadBefore.toFixed(1)} before the start): trust none of this.` : ''}

| | realmward | MIT | ratio | wanted |
|---|---|---|---|---|
${lines.join('\n')}
| requests lost | ${sum(all, 'realmward', 'lost')} | ${sum(all, 'mit', 'lost')} | | 0 |
| replies that were errors | ${sum(all, 'realmward', 'errors')} | ${sum(all, 'mit', 'errors')} | | 0 |
${large === undefined ? '' : largeTable(large)}${foreignPac === undefined ? '' : foreignPacTable(foreignPac)}${web === undefined ? '' : webTable(web)}`;
}

function throughputLines(
  { title, target }: Row,
  realmward: readonly Figures[],
  mit: readonly Figures[],
): string[] {
  const ratio = median(realmward, 'perSecond') / median(mit, 'perSecond');
  return [
    tableLine(`${title}: a second`, [
      spread(realmward, 'perSecond', thousands),
      spread(mit, 'perSecond', thousands),
      number(ratio, (value) => value.toFixed(2)),
      target === undefined ? '' : `at least ${target}`,
    ]),
    tableLine(`${title}: server CPU, µs a request`, [
      spread(realmward, 'serverCpu', (value) => value.toFixed(0)),
      spread(mit, 'serverCpu', (value) => value.toFixed(0)),
      '',
      '',
    ]),
    latencyLine(`${title}: p50, ms`, 'p50', realmward, mit, false),
    latencyLine(`${title}: p99, ms`, 'p99', realmward, mit, false),
  ];
}

function latencyLines(row: Row, realmward: readonly Figures[], mit: readonly Figures[]): string[] {
  const { title, rate = 0 } = row;
  const reached = (rounds: readonly Figures[]): string =>
    rounds.length === 0 ? '–' : rounds.every(({ perSecond }) => perSecond > 0.98 * rate) ? 'yes' : 'no';
  return [
    tableLine(`${title}: reached in every round`, [reached(realmward), reached(mit), '', 'yes']),
    latencyLine(`${title}: p50, ms`, 'p50', realmward, mit, false),
    latencyLine(`${title}: p99, ms`, 'p99', realmward, mit, true),
  ];
}

function latencyLine(
  title: string,
  figure: 'p50' | 'p99',
  realmward: readonly Figures[],
  mit: readonly Figures[],
  wanted: boolean,
): string {
  const inMs = (value: number): string => value.toFixed(2);
  const ratio = median(realmward, figure) / median(mit, figure);
  return tableLine(title, [
    spread(realmward, figure, inMs),
    spread(mit, figure, inMs),
    number(ratio, inMs),
    wanted ? 'below 1' : '',
  ]);
}

function largeTable(large: Large): string {
  return `
A realm with ${thousands(large.principals)} users:

| | realmward | wanted |
|---|---|---|
| import with random keys, s | ${large.importSeconds.toFixed(1)} | below 120 |
| ready after start, ms | ${large.readyMs.toFixed(0)} | below 1000 |
| resident memory when ready, MB | ${large.rssReady.toFixed(0)} | below 200 |
| resident memory after the load, MB | ${large.rssLoaded.toFixed(0)} | below 200 |
| AS by ${thousands(large.clients)} users of them in turn: a second | ${thousands(large.asPerSecond)} | |
| requests lost, replies that were errors | ${large.lost}, ${large.errors} | 0, 0 |
`;
}

function foreignPacTable({ met, remembered, first }: ForeignPacFigures): string {
  const line = (title: string, { own, foreign }: ForeignPacFigures['met']): string =>
    `| ${title} | ${own.toFixed(0)} | ${foreign.toFixed(0)} | ${(foreign / own).toFixed(2)} | at most 1.5 |`;
  return `
Tickets of a trusted AD realm beside our own, inside the KDC, µs of CPU a TGS request:

| | our own | AD's | ratio | wanted |
|---|---|---|---|---|
${line('ticket met for the first time', met)}
${line('ticket remembered', remembered)}
| the very first ticket of a foreign user | | ${first.toFixed(0)} | | |
`;
}

function webTable({ tokenJoins, passwordJoins, logins, idle, busy, busyLogins }: WebFigures): string {
  const inMs = (value: number): string => value.toFixed(2);
  const ratio = median(busy, 'p99') / median(idle, 'p99');
  const lost = [...idle, ...busy].reduce((total, figures) => total + figures.lost, 0);
  return `
HTTPS, sixteen requests outstanding over kept connections, the server on all cores, beside the client:

| | realmward | wanted |
|---|---|---|
| joins with a join token, a second | ${thousands(tokenJoins)} | |
| joins with a password, a second | ${thousands(passwordJoins)} | |
| logins of the realm's own users, a second | ${thousands(logins)} | |
| AS at ${KDC_RATE} a second, nobody logs in: p99, ms | ${spread(idle, 'p99', inMs)} | |
| AS at ${KDC_RATE} a second while ${CONCURRENT_LOGINS} logins run: p99, ms | ${spread(busy, 'p99', inMs)} | |
| the latter divided by the former | ${inMs(ratio)} | below 3 |
| logins a second meanwhile | ${thousands(busyLogins)} | |
| AS requests lost | ${lost} | 0 |
`;
}

function tableLine(title: string, cells: readonly string[]): string {
  return `| ${[title, ...cells].join(' | ')} |`;
}

type Numeric = 'perSecond' | 'p50' | 'p99' | 'serverCpu';

function median(rounds: readonly Figures[], figure: Numeric): number {
  const sorted = rounds.map((round) => round[figure]).toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** Median, and least and most in brackets. */
function spread(rounds: readonly Figures[], figure: Numeric, format: (value: number) => string): string {
  const values = rounds.map((round) => round[figure]);
  if (values.length === 0) return '–';
  return `${format(median(rounds, figure))} (${format(Math.min(...values))}–${format(Math.max(...values))})`;
}

function sum(
  all: Measurements[string][],
  implementation: 'realmward' | 'mit',
  figure: 'lost' | 'errors',
): string {
  const rounds = all.flatMap((row) => row[implementation] ?? []);
  return rounds.length === 0 ? '–' : String(rounds.reduce((total, round) => total + round[figure], 0));
}

function number(value: number, format: (value: number) => string): string {
  return Number.isFinite(value) ? format(value) : '–';
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function machine(): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${gigabytes} GB, Linux ${release()};`;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
