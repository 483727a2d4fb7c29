import { isatty } from 'node:tty';
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { lineOutput, openLineFile, type LineSink } from './line-file.ts';
import { CENSOR, redact, SECRETS } from './redact.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** JSON lines go to this file; it is created 0600, its folder 0700. */
  readonly file?: string;
  /** Lines for people go to standard output, also beside a file. Without both, JSON lines go there. */
  readonly pretty?: boolean;
  /** File descriptor in standard output's place. */
  readonly output?: number;
}

/** The log of a server. */
export interface Log {
  /** For everything that happens now and then; satisfies `Logger` of base/ports. */
  readonly logger: pino.Logger;
  /**
   * One line of info or warning with these fields, `msg` among them if there is one, in the same format as `logger`'s: for what is written
   * with every request. It costs 2 us where `logger` costs 5 (12 fields, writing included), because it neither redacts nor knows children and
   * serialisers: its fields are a fixed set that holds no secret.
   */
  line(level: 'info' | 'warn', fields: LineFields): void;
  /** Opens the log file anew, after log rotation has renamed it (SIGHUP). */
  reopen(): void;
  /** Resolves when all lines so far are with the system. */
  flush(): Promise<void>;
  /** Flushes and closes. What is logged after it is lost. */
  close(): Promise<void>;
}

/** Flat, so that no key and no password can hide in it. Fields that are undefined are left out. */
export type LineFields = Readonly<
  Record<string, string | number | boolean | readonly number[] | readonly string[] | undefined>
>;

const LEVEL_NUMBERS = { info: 30, warn: 40 } as const;

/**
 * Opens the log: JSON lines (pino's, time in milliseconds since 1970) to a file or standard output, and lines for people. Lines are gathered and
 * written together; they are complete after `close`, and when the process ends by `process.exit` or an uncaught exception. Throws
 * `RealmwardError` `log-file`.
 */
export function createLog(options: LogOptions = {}): Log {
  const { level = 'info', file, pretty = false, output = 1 } = options;
  const sinks: LineSink[] = [];
  if (file !== undefined) sinks.push(openLineFile(file));
  if (pretty) sinks.push(prettyOutput(output));
  if (sinks.length === 0) sinks.push(lineOutput(output));
  const [only] = sinks;
  const write =
    sinks.length === 1 && only !== undefined
      ? (line: string) => only.write(line)
      : (line: string) => {
          for (const sink of sinks) sink.write(line);
        };
  const flushSync = (): void => {
    for (const sink of sinks) sink.flushSync();
  };
  const logger = pino(
    {
      level,
      // A file belongs to one server: its process and host need not stand in every line.
      base: null,
      formatters: { log: redact },
      // A child's own fields pass no formatter, but they pass these.
      serializers: {
        err: pino.stdSerializers.err,
        ...Object.fromEntries(Array.from(SECRETS, (name) => [name, () => CENSOR])),
      },
    },
    { write, flushSync } as pino.DestinationStream,
  );
  return {
    logger,
    line(lineLevel, fields) {
      const number = LEVEL_NUMBERS[lineLevel];
      if (number < logger.levelVal) return;
      const json = JSON.stringify(fields);
      write(`{"level":${number},"time":${Date.now()}${json === '{}' ? '' : ','}${json.slice(1)}\n`);
    },
    reopen() {
      for (const sink of sinks) sink.reopen();
    },
    async flush() {
      await Promise.all(sinks.map((sink) => sink.flush()));
    },
    async close() {
      await Promise.all(sinks.map((sink) => sink.close()));
    },
  };
}

function prettyOutput(fd: number): LineSink {
  const output = lineOutput(fd);
  const format = prettyFactory({ colorize: isatty(fd), translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return { ...output, write: (line) => output.write(format(line)) };
}
