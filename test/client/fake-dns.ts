/** A DNS server on loopback, over UDP and TCP, whose records a test writes down. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Answer, decode, encode, streamEncode, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Scope } from '../support/run.ts';

export interface FakeDns {
  /** `127.0.0.1:port`, for `DnsOptions.servers`. */
  readonly server: string;
  /** Records by question: `SRV _kerberos._udp.a.test`; names in lower case. Missing: the name does not exist. */
  readonly zone: Record<
    string,
    readonly Answer[] | 'silent' | 'servfail' | 'garbage' | 'other-question' | 'other-id'
  >;
  /** Questions so far; those over TCP begin with `tcp `. */
  readonly asked: string[];
  /** Whether answers over UDP say that they are cut off. */
  truncate: boolean;
}

export function srv(name: string, target: string, port: number, priority = 0, weight = 0, ttl = 300): Answer {
  return { type: 'SRV', name, ttl, data: { target, port, priority, weight } };
}

export function uri(name: string, target: string, priority = 0, weight = 0, ttl = 300): Answer {
  const data = Buffer.alloc(4 + target.length);
  data.writeUInt16BE(priority);
  data.writeUInt16BE(weight, 2);
  data.write(target, 4, 'latin1');
  return { type: 'UNKNOWN_256', name, ttl, data } as unknown as Answer;
}

const RCODE = { NXDOMAIN: 3, SERVFAIL: 2 };

export async function startFakeDns(scope: Scope): Promise<FakeDns> {
  const asked: string[] = [];
  const zone: FakeDns['zone'] = {};
  const state = { truncate: false };

  const answer = (query: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    const { id = 0, questions = [] } = decode(query);
    const [question] = questions;
    if (question === undefined) return undefined;
    const text = `${question.type === ('UNKNOWN_256' as string) ? 'URI' : question.type} ${question.name.toLowerCase()}`;
    asked.push(transport === 'tcp' ? `tcp ${text}` : text);
    const found = zone[text];
    if (found === 'silent') return undefined;
    if (found === 'garbage') return Buffer.from('ffff00', 'hex');
    const cut = state.truncate && transport === 'udp';
    const rcode = found === 'servfail' ? RCODE.SERVFAIL : found === undefined ? RCODE.NXDOMAIN : 0;
    const packet = {
      type: 'response' as const,
      id: found === 'other-id' ? id ^ 1 : id,
      flags: rcode | (cut ? TRUNCATED_RESPONSE : 0),
      questions: found === 'other-question' ? [{ ...question, name: 'x.test' }] : questions,
      answers: typeof found === 'object' && !cut ? [...found] : [],
      authorities: [
        {
          type: 'SOA' as const,
          name: 'test',
          ttl: 3600,
          data: { mname: 'ns.test', rname: 'root.test', minimum: 20 },
        },
      ],
    };
    return transport === 'tcp' ? streamEncode(packet) : encode(packet);
  };

  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => {
      const reply = answer(bytes.subarray(2), 'tcp');
      if (reply === undefined) socket.destroy();
      else socket.end(reply);
    });
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (query, from) => {
    const reply = answer(query, 'udp');
    if (reply !== undefined) udp.send(reply, from.port, from.address);
  });
  scope.teardown(() => {
    udp.close();
    tcp.close();
  });
  return {
    server: `127.0.0.1:${port}`,
    zone,
    asked,
    get truncate() {
      return state.truncate;
    },
    set truncate(value) {
      state.truncate = value;
    },
  };
}
