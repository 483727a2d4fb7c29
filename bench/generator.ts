/** The client's side of the bench, a process of its own on a core of its own: gets jobs from bench/main.ts, answers with figures. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readKeytab } from '../src/codec/keytab.ts';
import { parseName } from '../src/realm/name.ts';
import { Etype } from '../src/spec/etypes.ts';
import { NameType } from '../src/spec/name-types.ts';
import { load } from './load.ts';
import type { LoadResult } from './load.ts';
import { asRequest, describeReply, openAsReply, openTgsReply, tgsRequest } from './requests.ts';
import type { Client, Tgt } from './requests.ts';

/** One measurement. */
export interface Job {
  readonly port: number;
  readonly serverPid: number;
  readonly realm: string;
  /** Keys of the clients. */
  readonly keytab: string;
  /** Names of services. */
  readonly services: readonly string[];
  /**
   * `as`: a TGT for each request, clients in turn. `tgs-new`: a service ticket for each request, each with a TGT that the KDC has never seen
   * at its TGS. `tgs-repeat`: each TGT is used for twenty service tickets. `echo`: against an echo server, what the generator itself can do.
   */
  readonly work: 'as' | 'tgs-new' | 'tgs-repeat' | 'echo';
  readonly count: number;
  /** Requests a second; left out: as fast as sixteen outstanding requests allow. */
  readonly rate?: number;
}

export interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpu: number;
  readonly lost: number;
  readonly errors: number;
  readonly errorText: string;
  /** Etypes of the last reply: ticket, and the key that the client uses it with. */
  readonly etypes: string;
}

const WINDOW = 16;
/** As many as fit into a server's receive buffer of the usual size while it does something else. */
const PACED_WINDOW = 64;
const TICKETS_PER_TGT = 20;
const AS_REP = 0x6b;
const TGS_REP = 0x6d;

async function work(job: Job): Promise<Figures> {
  const { count } = job;
  if (job.work === 'echo') {
    const request = new Uint8Array(300).fill(AS_REP);
    return figures(
      await load(
        Array.from({ length: count }, () => request),
        { ...job, expected: AS_REP, window: WINDOW },
      ),
      '',
    );
  }
  const clients = readClients(job.keytab, job.realm);
  const pace = { ...job, window: job.rate === undefined ? WINDOW : PACED_WINDOW, keepReplies: true };
  if (job.work === 'as') {
    const asked = Array.from({ length: count }, (_, i) => asRequest(clients[i % clients.length]!));
    const result = await load(
      asked.map(({ bytes }) => bytes),
      { ...pace, expected: AS_REP },
    );
    const opened = result.replies.map((reply, i) =>
      openAsReply(clients[i % clients.length]!, asked[i]!, reply),
    );
    return figures(result, describeEtypes(opened.at(-1)));
  }
  const services = job.services.map((name) => ({ nameType: NameType.SRV_INST, nameString: parseName(name) }));
  const tgts = await logIn(job, clients, job.work === 'tgs-new' ? count : Math.ceil(count / TICKETS_PER_TGT));
  const asked = Array.from({ length: count }, (_, i) =>
    tgsRequest(tgts[i % tgts.length]!, services[i % services.length]!),
  );
  const result = await load(
    asked.map(({ bytes }) => bytes),
    { ...pace, expected: TGS_REP },
  );
  const opened = result.replies.map((reply, i) => openTgsReply(asked[i]!, reply));
  return figures(result, `ticket ${opened.at(-1)?.encPart.etype ?? '?'}, TGT ${describeEtypes(tgts[0])}`);
}

/** As many TGTs as wanted, clients in turn. */
async function logIn(job: Job, clients: readonly Client[], count: number): Promise<Tgt[]> {
  const asked = Array.from({ length: count }, (_, i) => asRequest(clients[i % clients.length]!));
  const { replies, answered, firstError } = await load(
    asked.map(({ bytes }) => bytes),
    { port: job.port, expected: AS_REP, window: WINDOW, keepReplies: true },
  );
  if (answered !== count) {
    const why = firstError === undefined ? 'no reply' : describeReply(firstError);
    throw new Error(`${count - answered} of ${count} logins failed: ${why}`);
  }
  return replies.map((reply, i) => openAsReply(clients[i % clients.length]!, asked[i]!, reply));
}

function readClients(keytab: string, realm: string): Client[] {
  return readKeytab(readFileSync(keytab))
    .filter(({ key }) => key.etype === Etype.AES256_CTS_HMAC_SHA1_96)
    .map(({ name, key }) => ({ realm, name, key }));
}

function describeEtypes(tgt: Tgt | undefined): string {
  return tgt === undefined
    ? 'none'
    : `ticket ${tgt.ticket.encPart.etype}, session key ${tgt.sessionKey.etype}`;
}

function figures(result: LoadResult, etypes: string): Figures {
  const { answered, seconds, p50, p99, serverCpu, lost, errors, firstError } = result;
  const errorText = firstError === undefined ? '' : describeReply(firstError);
  return { perSecond: answered / seconds, p50, p99, serverCpu, lost, errors, errorText, etypes };
}

/** An echo server, to learn the generator's own limit; says its port when it is ready. */
async function echo(): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  process.send?.({ port: socket.address().port });
}

/** Path of this program, for whoever starts it. */
export const GENERATOR = fileURLToPath(import.meta.url);

if (process.argv[1] === GENERATOR) {
  if (process.argv[2] === 'echo') await echo();
  process.on('disconnect', () => process.exit());
  process.on('message', (job: Job) => {
    void work(job).then(
      (figures) => process.send?.({ figures }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}
