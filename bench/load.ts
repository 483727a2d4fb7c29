import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** What a run of load showed. Times in milliseconds. */
export interface LoadResult {
  /** Replies of the wanted kind. */
  readonly answered: number;
  /** Replies of any other kind; `firstError` is the first of them. */
  readonly errors: number;
  readonly firstError: Uint8Array | undefined;
  /** Requests that nothing answered within two seconds. */
  readonly lost: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  /** Server CPU time per answered request, in microseconds; 0 where no server process was named. */
  readonly serverCpu: number;
  /** Replies by the index of their request; empty unless they were to be kept. */
  readonly replies: readonly Uint8Array[];
}

export interface LoadOptions {
  readonly port: number;
  /** First octet of a good reply. */
  readonly expected: number;
  /** How many requests may be on their way at once. */
  readonly window: number;
  /** Requests a second at even distances; left out: the next one leaves when a reply comes. */
  readonly rate?: number;
  readonly keepReplies?: boolean;
  readonly serverPid?: number;
}

const LOST_AFTER = 2000;

/**
 * Sends all requests by UDP, each once, and waits for their replies. Every place in the window has a connected socket of its own, so that a
 * reply is matched by the port it comes to and nothing has to be decoded while the clock runs. With `rate`, latency counts from when a
 * request was due, even if every place was taken then.
 */
export async function load(requests: readonly Uint8Array[], options: LoadOptions): Promise<LoadResult> {
  const { port, expected, window, rate, keepReplies = false, serverPid } = options;
  const latencies = new Float64Array(requests.length);
  const replies: Uint8Array[] = [];
  let answered = 0;
  let errors = 0;
  let lost = 0;
  let firstError: Uint8Array | undefined;
  let next = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const idle: Place[] = [];
  const busy = new Set<Place>();

  interface Place {
    socket: Socket;
    request: number;
    /** When it was due, for latency. */
    due: number;
    sent: number;
  }
  const open = async (place: Place): Promise<void> => {
    const { socket } = place;
    socket.on('message', (reply) => {
      if (place.socket !== socket) return;
      if (reply[0] === expected) {
        latencies[answered++] = performance.now() - place.due;
        if (keepReplies) replies[place.request] = reply;
      } else {
        errors++;
        firstError ??= reply;
      }
      free(place);
    });
    socket.on('error', () => undefined);
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
  };
  const send = (place: Place, due: number, now: number): void => {
    place.request = next++;
    place.due = due;
    place.sent = now;
    place.socket.send(requests[place.request]!);
  };
  const free = (place: Place): void => {
    if (rate === undefined && next < requests.length) {
      const now = performance.now();
      send(place, now, now);
    } else {
      busy.delete(place);
      idle.push(place);
      if (next === requests.length && busy.size === 0) finish();
    }
  };

  for (let i = 0; i < window; i++) {
    const place = { socket: createSocket('udp4'), request: -1, due: 0, sent: 0 };
    await open(place);
    idle.push(place);
  }
  const watch = setInterval(() => {
    const now = performance.now();
    for (const place of busy) {
      if (now - place.sent < LOST_AFTER) continue;
      // A late reply must not be taken for that of the next request: the place gets a new socket.
      lost++;
      place.socket.close();
      place.socket = createSocket('udp4');
      place.sent = now;
      void open(place).then(() => free(place));
    }
  }, 100);

  const cpuBefore = cpuSeconds(serverPid);
  const start = performance.now();
  // Never sleeps: to wake it would be the server's work, and on virtual machines a costly one.
  let done = false;
  const dispatch = (): void => {
    const due = rate === undefined ? Infinity : ((performance.now() - start) / 1000) * rate;
    for (;;) {
      const place = next < requests.length && next <= due ? idle.pop() : undefined;
      if (place === undefined) break;
      const now = performance.now();
      busy.add(place);
      send(place, rate === undefined ? now : start + (next / rate) * 1000, now);
    }
    if (!done) setImmediate(dispatch);
  };
  dispatch();
  await finished;
  done = true;
  const seconds = (performance.now() - start) / 1000;
  const cpu = cpuSeconds(serverPid) - cpuBefore;
  clearInterval(watch);
  for (const { socket } of idle) socket.close();

  const sorted = latencies.subarray(0, answered).toSorted();
  const quantile = (q: number): number => sorted[Math.min(answered - 1, Math.floor(q * answered))] ?? 0;
  return {
    answered,
    errors,
    firstError,
    lost,
    seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    serverCpu: answered === 0 ? 0 : (cpu * 1e6) / answered,
    replies,
  };
}

/** CPU time that a process has used, all threads, in seconds; 0 without a process. Linux counts it in hundredths. */
function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
