/**
 * `npm run bench`: realmward against MIT's krb5kdc, in turns, each server on one core and the load generator on the other. Prints its table and
 * writes it to bench/RESULTS.md. `--rounds N` and `--count N` change how long it takes, `--no-large` leaves out the realm with 100,000
 * principals, `--no-web` joins and logins, `--only realmward|mit` one of the two, `--dry` the file.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { KdcConfig, TestKdc } from '../test/support/kdc.ts';
import { startMitKdc } from '../test/support/mit-kdc.ts';
import { missingPeer } from '../test/support/peers.ts';
import { startRealmwardKdc } from '../test/support/realmward-kdc.ts';
import type { Scope } from '../test/support/run.ts';
import { measureForeignPac } from './foreign-pac.ts';
import { GENERATOR } from './generator.ts';
import type { Figures, Job } from './generator.ts';
import { report } from './report.ts';
import type { Large, Measurements, Row } from './report.ts';
import { KDC_RATE, measureWeb, WEB_CONFIG, type WebFigures } from './web.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '20000' },
    only: { type: 'string' },
    'no-large': { type: 'boolean', default: false },
    'no-web': { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(options.rounds);
const COUNT = Number(options.count);
const LARGE_REALM = 100_000;
const SERVER_CORE = 1;
const CLIENT_CORE = 0;

/** The same on both sides: one etype, so that keys, tickets and session keys are of a kind; replies that fit into UDP. */
const CONFIG: KdcConfig = {
  realm: 'BENCH.EXAMPLE',
  policy: { maxLife: '10h', maxRenew: '7d', udpReplyLimit: 4096, etypes: ['aes256-cts-hmac-sha1-96'] },
  users: names(300, 'user').map((name) => ({ name, password: `Password.of.${name}`, right: 'Viewer' })),
  services: names(200, 'host/device').map((name) => ({ name: `${name}.bench.example` })),
};
const SERVICES = (CONFIG.services ?? []).map(({ name }) => name);

const ROWS: readonly Row[] = [
  { id: 'as', title: 'AS', work: 'as', target: 2.5 },
  { id: 'tgs-new', title: 'TGS, every ticket new', work: 'tgs-new', target: 1.8 },
  { id: 'tgs-repeat', title: 'TGS, each TGT used 20 times', work: 'tgs-repeat', target: 1.8 },
  { id: 'as-paced', title: 'AS at 4,000 a second', work: 'as', rate: 4000 },
  { id: 'tgs-paced', title: 'TGS at 3,000 a second', work: 'tgs-repeat', rate: 3000 },
];

const ends: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (end) => void ends.push(end) };
const signal = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
try {
  await Promise.race([main(), signal]);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const end of ends.toReversed()) await end();
}
process.exit();

async function main(): Promise<void> {
  const noMit = options.only === 'realmward' ? 'left out by --only' : missingPeer('mit-kdc');
  const loadBefore = loadavg()[0] ?? 0;
  const servers: { kdc: TestKdc; keytab: string }[] = [];
  for (const start of [
    options.only === 'mit' ? undefined : startRealmwardKdc,
    noMit === undefined ? startMitKdc : undefined,
  ]) {
    if (start === undefined) continue;
    const kdc = await start(scope, CONFIG);
    servers.push({ kdc, keytab: await kdc.exportKeytab(...names(300, 'user')) });
    pin(kdc.pid, SERVER_CORE);
  }
  const generator = await startGenerator(scope);
  const ceiling = await measureCeiling(generator);
  console.log(`generator against an echo server: ${Math.round(ceiling)} a second`);

  const measurements: Measurements = {};
  for (let round = 0; round <= ROUNDS; round++) {
    // Round 0 warms both up. The order changes from round to round.
    for (const { kdc, keytab } of round % 2 === 0 ? servers : servers.toReversed()) {
      for (const row of ROWS) {
        const figures = await ask(generator, {
          port: kdc.port,
          serverPid: kdc.pid,
          realm: kdc.realm,
          keytab,
          services: SERVICES,
          work: row.work,
          count: row.rate === undefined ? COUNT : Math.min(COUNT, 2 * row.rate),
          ...(row.rate === undefined ? {} : { rate: row.rate }),
        });
        console.log(
          `${round === 0 ? 'warm-up' : `round ${round}`} ${kdc.implementation} ${row.title}: ${Math.round(figures.perSecond)}/s, ` +
            `p50 ${figures.p50.toFixed(2)} ms, p99 ${figures.p99.toFixed(2)} ms, server ${figures.serverCpu.toFixed(1)} us, ` +
            `lost ${figures.lost}, errors ${figures.errors} ${figures.errorText} (${figures.etypes})`,
        );
        if (round > 0) ((measurements[row.id] ??= {})[kdc.implementation] ??= []).push(figures);
      }
    }
  }
  for (const { kdc } of servers) await kdc.stop();
  const large =
    options['no-large'] || options.only === 'mit' ? undefined : await measureLargeRealm(generator);
  const web = options['no-web'] || options.only === 'mit' ? undefined : await measureHttps(generator);
  const foreignPac = options.only === 'mit' ? undefined : await measureForeignPac();
  const text = report({
    rows: ROWS,
    measurements,
    rounds: ROUNDS,
    count: COUNT,
    ceiling,
    large,
    web,
    foreignPac,
    loadBefore,
    noMit,
  });
  console.log(`\n${text}`);
  if (!options.dry) writeFileSync(new URL('RESULTS.md', import.meta.url), text);
}

/** A realm with 100,000 users: how long the import takes, how soon it is ready, what memory it takes, how fast it is. */
async function measureLargeRealm(generator: ChildProcess): Promise<Large> {
  const kdc = await startRealmwardKdc(scope, { ...CONFIG, users: [] });
  const users = names(LARGE_REALM, 'large');
  const file = join(kdc.dir, 'users.csv');
  writeFileSync(file, ['name,right', ...users.map((name) => `${name},Viewer`)].join('\n') + '\n');
  const from = performance.now();
  const { code, output } = await kdc.cli(['import', '--users', file]);
  if (code !== 0) throw new Error(`realmward import ended with ${code}: ${output}`);
  const importSeconds = (performance.now() - from) / 1000;
  const readyMs = await kdc.restart();
  pin(kdc.pid, SERVER_CORE);
  const rssReady = residentMegabytes(kdc.pid);
  const sample = users.filter((_, i) => i % 50 === 0);
  const keytab = await kdc.exportKeytab(...sample);
  const rounds: Figures[] = [];
  for (let round = 0; round < 3; round++) {
    rounds.push(
      await ask(generator, {
        port: kdc.port,
        serverPid: kdc.pid,
        realm: kdc.realm,
        keytab,
        services: SERVICES,
        work: 'as',
        count: COUNT,
      }),
    );
  }
  const figures = rounds.at(-1)!;
  return {
    principals: LARGE_REALM,
    importSeconds,
    readyMs,
    rssReady,
    rssLoaded: residentMegabytes(kdc.pid),
    asPerSecond: figures.perSecond,
    clients: sample.length,
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    lost: rounds.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Joins and logins; the server may use every core, as its passwords are hashed on threads of their own. */
async function measureHttps(generator: ChildProcess): Promise<WebFigures> {
  const users = [...(CONFIG.users ?? []), ...WEB_CONFIG.users];
  const kdc = await startRealmwardKdc(scope, { ...CONFIG, ...WEB_CONFIG, users });
  const keytab = await kdc.exportKeytab(...names(300, 'user'));
  const { port, pid: serverPid, realm } = kdc;
  const askKdc = (): Promise<Figures> =>
    ask(generator, {
      port,
      serverPid,
      realm,
      keytab,
      services: SERVICES,
      work: 'as',
      count: 4 * KDC_RATE,
      rate: KDC_RATE,
    });
  await askKdc();
  const figures = await measureWeb(kdc, ROUNDS, askKdc);
  await kdc.stop();
  return figures;
}

async function startGenerator(scope: Scope, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [GENERATOR, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  scope.teardown(() => void child.kill());
  await once(child, 'spawn');
  pin(child.pid ?? 0, args[0] === 'echo' ? SERVER_CORE : CLIENT_CORE);
  return child;
}

/** What the generator reaches against a server that does nothing but echo. */
async function measureCeiling(generator: ChildProcess): Promise<number> {
  const echo = await startGenerator(scope, 'echo');
  const [{ port }] = (await once(echo, 'message')) as [{ port: number }];
  const job: Job = {
    port,
    serverPid: echo.pid ?? 0,
    realm: '',
    keytab: '',
    services: [],
    work: 'echo',
    count: 50_000,
  };
  await ask(generator, job);
  const { perSecond } = await ask(generator, job);
  echo.kill();
  return perSecond;
}

async function ask(generator: ChildProcess, job: Job): Promise<Figures> {
  generator.send(job);
  const [answer] = (await once(generator, 'message')) as [{ figures?: Figures; error?: string }];
  if (answer.figures === undefined) throw new Error(answer.error);
  return answer.figures;
}

/** Binds all threads of a process to one core, where there are two. */
function pin(pid: number, core: number): void {
  if (availableParallelism() > 1) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
}

function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function names(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
