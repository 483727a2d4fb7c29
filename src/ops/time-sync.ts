import { isIPv6 } from 'node:net';
import { RealmwardError } from '../base/errors.ts';
import type { Logger, Seconds } from '../base/ports.ts';

export interface TimeSyncOptions {
  /** Time servers as `parseTimeServer` reads them. */
  readonly servers: readonly string[];
  readonly log: Logger;
  /** Skew that the realm tolerates; the log names it. Default 300. */
  readonly clockSkew?: Seconds;
  /** How often the servers are asked, in milliseconds. Default: every 5 minutes. */
  readonly interval?: number;
  /** How long an answer is waited for, in milliseconds. Default 2000; each server is asked twice before it counts as unreachable. */
  readonly timeout?: number;
}

/** What the time servers said the last time they were asked. */
export interface ClockStatus {
  /**
   * Seconds by which this machine's clock is behind the servers' (negative: ahead): the median of their answers. `undefined`: none answered.
   */
  readonly offset: Seconds | undefined;
  readonly servers: readonly ServerStatus[];
}

/** One server's answer: its offset in seconds, or why it has none. */
export type ServerStatus =
  { readonly server: string; readonly offset: Seconds } | { readonly server: string; readonly error: string };

export interface TimeSync {
  /** The last round's result; `undefined` before the first one is over. */
  readonly status: ClockStatus | undefined;
  /** Asks all servers now; resolves when they have answered or had their time. Never rejects. */
  check(): Promise<ClockStatus>;
  /** Asks no more. */
  stop(): void;
}

/** From this offset on, in seconds, the log warns. */
const WARN_FROM = 30;

const NTP_PORT = 123;

/**
 * Watches this machine's clock: asks time servers at once and then at every interval, logs the offset, and warns of the consequence where it is
 * large. It never moves a clock: NTP's answers are not authenticated here, and whoever forges them must not decide which tickets are valid.
 * Throws `RealmwardError` `bad-time-server`.
 */
export function startTimeSync(options: TimeSyncOptions): TimeSync {
  const { log, clockSkew = 300, interval = 300_000, timeout = 2000 } = options;
  const servers = options.servers.map((text) => ({ text, ...parseTimeServer(text) }));
  let status: ClockStatus | undefined;
  let stopped = false;
  const unreachable = new Set<string>();

  const check = async (): Promise<ClockStatus> => {
    const answers = await Promise.all(
      servers.map(async ({ text, host, port }): Promise<ServerStatus> => {
        try {
          return { server: text, offset: await measure(host, port, timeout) };
        } catch (error) {
          return { server: text, error: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    const offsets = answers.flatMap((answer) => ('offset' in answer ? [answer.offset] : []));
    status = { offset: median(offsets), servers: answers };
    if (!stopped) tell(status, offsets);
    return status;
  };

  const tell = ({ offset, servers: answers }: ClockStatus, offsets: readonly number[]): void => {
    for (const answer of answers) {
      const { server } = answer;
      if ('offset' in answer) {
        if (unreachable.delete(server)) log.info({ server }, 'the time server answers again');
      } else if (!unreachable.has(server)) {
        unreachable.add(server);
        log.warn(
          {
            server,
            error: answer.error,
            hint: 'Check its name, that UDP port 123 reaches it, and that it has IPv4.',
          },
          'the time server gives no usable answer',
        );
      }
    }
    if (offset === undefined) return;
    const fields = { offset, servers: offsets.length };
    if (Math.abs(offset) >= WARN_FROM) {
      log.warn(
        {
          ...fields,
          hint: 'Set the clock, and keep it right with chrony, systemd-timesyncd or ntpd. realmward itself never moves it.',
        },
        `this machine's clock is ${describeOffset(offset)}: from ${clockSkew} seconds of difference on, clients and services refuse our tickets, and we refuse theirs`,
      );
    } else if (Math.max(...offsets) - Math.min(...offsets) >= WARN_FROM) {
      log.warn(
        { ...fields, answers, hint: 'Find out which of them is wrong, and take it out of time.servers.' },
        'the time servers disagree, so nobody can tell whether the clock is right',
      );
    } else {
      log.info(fields, `this machine's clock is ${describeOffset(offset)}`);
    }
  };

  void check();
  const timer = setInterval(() => void check(), interval).unref();
  return {
    get status() {
      return status;
    },
    check,
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/**
 * Parses `ntp.example`, `192.0.2.1` or either with `:port`. IPv6 addresses are refused, because ntp-time-sync asks over IPv4 alone. Throws
 * `RealmwardError` `bad-time-server`.
 */
export function parseTimeServer(text: string): { host: string; port: number } {
  if (text.startsWith('[') || isIPv6(text)) {
    throw badServer(
      text,
      'time servers are asked over IPv4 alone',
      'Give an IPv4 address, or a name that has one.',
    );
  }
  const [host = '', port, ...more] = text.split(':');
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(host) || more.length > 0) {
    throw badServer(
      text,
      'it is no host name',
      'Write ntp.example or 192.0.2.1, with :port if it is not 123.',
    );
  }
  if (port === undefined) return { host, port: NTP_PORT };
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) {
    throw badServer(text, `"${port}" is not a port`, 'A port is a number from 1 to 65535.');
  }
  return { host, port: Number(port) };
}

/** Offset of one server in seconds, from the better of at most two exchanges. */
async function measure(host: string, port: number, timeout: number): Promise<Seconds> {
  try {
    return await exchange(host, port, timeout);
  } catch {
    return exchange(host, port, timeout);
  }
}

/**
 * One exchange (RFC 5905 section 8). ntp-time-sync sends and parses; its own evaluation is left out, because it asks on without end once a server
 * falls silent, and takes any packet for an answer.
 */
async function exchange(host: string, port: number, timeout: number): Promise<Seconds> {
  // Loaded when it is needed: it is GPL-3.0 and old-fashioned, and many servers have no time servers to ask.
  const { NtpTimeSync } = await import('ntp-time-sync');
  const sent = Date.now();
  const client = new NtpTimeSync({ servers: [], replyTimeout: timeout });
  const packet = await client.getNetworkTime(host, port);
  const [origin, received, transmitted, arrived] = [
    packet.originTimestamp,
    packet.receiveTimestamp,
    packet.transmitTimestamp,
    packet.destinationTimestamp,
  ].map((time) => time?.getTime() ?? Number.NaN) as [number, number, number, number];
  const { mode, leapIndicator, stratum } = packet;
  if (mode !== SERVER_MODE || [origin, received, transmitted].some(Number.isNaN)) {
    throw new Error('its answer is no NTP reply');
  }
  // What did not see our request cannot repeat when it was sent. The parser rounds by a millisecond.
  if (origin < sent - 2 || origin > arrived) throw new Error('its answer belongs to no request of ours');
  if (leapIndicator === UNSYNCHRONIZED || stratum === undefined || stratum === 0 || stratum >= 16) {
    throw new Error('its own clock is not synchronized');
  }
  return Math.round((received - origin + (transmitted - arrived)) / 2) / 1000;
}

const SERVER_MODE = 4;
const UNSYNCHRONIZED = 3;

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function describeOffset(offset: Seconds): string {
  const amount = `${Math.abs(offset).toFixed(Math.abs(offset) < 10 ? 3 : 0)} seconds`;
  return offset >= 0 ? `${amount} behind the time servers'` : `${amount} ahead of the time servers'`;
}

function badServer(text: string, why: string, hint: string): RealmwardError {
  return new RealmwardError('bad-time-server', `"${text}" is not a time server: ${why}`, { hint });
}
