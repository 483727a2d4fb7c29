import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Scope } from './run.ts';

/** One datagram that passed a recorder. */
export interface Datagram {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Recorder {
  /** Where clients must send to. */
  readonly port: number;
  /** What has passed so far, in order; the KDC's port reads 88. */
  readonly datagrams: readonly Datagram[];
}

/** A UDP relay on loopback in front of `target`, which keeps what passes both ways: a capture that needs no privileges. */
export async function startRecorder(scope: Scope, target: number): Promise<Recorder> {
  const datagrams: Datagram[] = [];
  const upstream = new Map<number, Socket>();
  const front = createSocket('udp4');
  scope.teardown(() => {
    front.close();
    for (const socket of upstream.values()) socket.close();
  });
  front.on('message', (request, { port: client }) => {
    datagrams.push({ from: client, to: KERBEROS, bytes: request, at: Date.now() });
    let back = upstream.get(client);
    if (back === undefined) {
      back = createSocket('udp4');
      upstream.set(client, back);
      back.on('message', (reply) => {
        datagrams.push({ from: KERBEROS, to: client, bytes: reply, at: Date.now() });
        front.send(reply, client, '127.0.0.1');
      });
    }
    back.send(request, target, '127.0.0.1');
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  return { port: front.address().port, datagrams };
}

const KERBEROS = 88;

/** A pcap file (the classic format, raw IPv4) of these datagrams, for tshark. */
export function toPcap(datagrams: readonly Datagram[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1_b2_c3_d4);
  header.setUint16(4, 2);
  header.setUint16(6, 4);
  header.setUint32(16, 65_535);
  header.setUint32(20, LINKTYPE_RAW);
  return Buffer.concat([new Uint8Array(header.buffer), ...datagrams.map(toRecord)]);
}

const LINKTYPE_RAW = 101;

function toRecord({ from, to, bytes, at }: Datagram): Uint8Array {
  const length = 28 + bytes.length;
  const record = new DataView(new ArrayBuffer(16 + length));
  record.setUint32(0, Math.floor(at / 1000));
  record.setUint32(4, (at % 1000) * 1000);
  record.setUint32(8, length);
  record.setUint32(12, length);
  // IPv4 (RFC 791), its checksum left to be filled in below.
  record.setUint16(16, 0x45_00);
  record.setUint16(18, length);
  record.setUint16(24, (64 << 8) | 17);
  record.setUint32(28, 0x7f_00_00_01);
  record.setUint32(32, 0x7f_00_00_01);
  let sum = 0;
  for (let at = 16; at < 36; at += 2) sum += record.getUint16(at);
  sum = (sum & 0xff_ff) + (sum >>> 16);
  record.setUint16(26, ~sum & 0xff_ff);
  // UDP (RFC 768); a checksum of zero says that there is none.
  record.setUint16(36, from);
  record.setUint16(38, to);
  record.setUint16(40, 8 + bytes.length);
  const whole = new Uint8Array(record.buffer);
  whole.set(bytes, 44);
  return whole;
}
