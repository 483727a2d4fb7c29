import { fstatSync, mkdirSync, openSync, close, closeSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { RealmwardError } from '../base/errors.ts';

/** Where log lines go: gathered, and written in large pieces. */
export interface LineSink {
  /** Takes a line, with its line break. Never blocks, never throws. */
  write(line: string): void;
  /** Resolves when all lines so far are with the system. */
  flush(): Promise<void>;
  /** Hands all lines so far to the system before it returns: for a process that is about to end. */
  flushSync(): void;
  /** Opens the file anew under its name, after log rotation has renamed it. */
  reopen(): void;
  /** Flushes and closes. */
  close(): Promise<void>;
}

/** A piece is written when it has this many characters, or is this old in milliseconds. */
const PIECE = 64 << 10;
const MAX_AGE = 250;

/** Characters that wait for a disk that does not take them; more are left out, and counted. */
const MAX_WAITING = 8 << 20;

/** How long the end of the process waits for a piece that is being written, in milliseconds. */
const MAX_FINAL_WAIT = 500;

/**
 * Appends lines to `path`, which is created with its folder for this user alone, without holding up the event loop. (pino's own destination,
 * sonic-boom, costs 5 to 12 us a line with pieces of this size, because it measures the whole piece at each line; this costs below 1 us.) Lines
 * that the disk refuses are counted, and a line says so when it takes some again. Throws `RealmwardError` `log-file`.
 */
export function openLineFile(path: string): LineSink {
  return new LineFile(path);
}

/** Bytes that are being written. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly fd: number;
  readonly sizeBefore: number;
  /** How many lost lines it tells of, in a line of its own at the beginning. */
  readonly told: number;
}

class LineFile implements LineSink {
  readonly #path: string;
  #fd: number;
  #text = '';
  #writing: Piece | undefined;
  #lost = 0;
  /** The last piece was written in part: the next one begins a line of its own. */
  #torn = false;
  /** The last piece was refused; told once until the next one is taken. */
  #failing = false;
  #closed = false;
  #idle: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #atExit = (): void => this.flushSync();

  constructor(path: string) {
    this.#path = path;
    this.#fd = openForAppending(path);
    this.#timer = setInterval(() => this.#start(), MAX_AGE).unref();
    process.on('exit', this.#atExit);
  }

  write(line: string): void {
    if (this.#closed || this.#text.length > MAX_WAITING) {
      this.#lost++;
      return;
    }
    this.#text += line;
    if (this.#text.length >= PIECE) this.#start();
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#text !== '') {
      this.#start();
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  flushSync(): void {
    if (this.#closed) return;
    const piece = this.#writing;
    this.#writing = undefined;
    try {
      if (piece !== undefined) {
        if (!arrives(piece)) writeFully(piece.fd, piece.bytes);
        this.#written(piece);
      }
      const rest = this.#take();
      if (rest !== undefined) {
        writeFully(rest.fd, rest.bytes);
        this.#written(rest);
      }
    } catch (error) {
      this.#report(error);
    }
    this.#rest();
  }

  reopen(): void {
    let fd: number;
    try {
      fd = openForAppending(this.#path);
    } catch (error) {
      this.#report(error);
      return;
    }
    const old = this.#fd;
    this.#fd = fd;
    // The piece that is being written goes to the old file to its end.
    if (this.#writing === undefined) closeSync(old);
    else this.#idle.push(() => closeSync(old));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    this.#closed = true;
    clearInterval(this.#timer);
    process.off('exit', this.#atExit);
    await new Promise<void>((resolve) => close(this.#fd, () => resolve()));
  }

  #start(): void {
    if (this.#writing !== undefined) return;
    const piece = this.#take();
    if (piece === undefined) return;
    this.#writing = piece;
    this.#continue(piece, 0);
  }

  #continue(piece: Piece, from: number): void {
    const { bytes, fd } = piece;
    write(fd, bytes, from, bytes.length - from, null, (error, written) => {
      // flushSync has taken over.
      if (this.#writing !== piece) return;
      if (error === null && from + written < bytes.length) return this.#continue(piece, from + written);
      this.#writing = undefined;
      if (error === null) {
        this.#written(piece);
      } else {
        this.#refused(piece, from);
        this.#report(error);
      }
      this.#rest();
      if (error === null && this.#text.length >= PIECE) this.#start();
    });
  }

  #written(piece: Piece): void {
    this.#lost -= piece.told;
    this.#torn = false;
    this.#failing = false;
  }

  /** All but the first `taken` bytes of a piece are lost. */
  #refused({ bytes, told }: Piece, taken: number): void {
    this.#lost += countLines(bytes.subarray(taken));
    if (taken > 0) {
      this.#lost -= told;
      this.#torn = true;
    } else if (told > 0) {
      this.#lost--;
    }
  }

  /** Nothing is being written at the moment. */
  #rest(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** What waits to be written. */
  #take(): Piece | undefined {
    if (this.#text === '') return undefined;
    const told = this.#lost;
    const notice = { level: 50, time: Date.now(), lost: told, msg: 'log lines are missing before this one' };
    const text = told > 0 ? `${JSON.stringify(notice)}\n${this.#text}` : this.#text;
    const bytes = Buffer.from(this.#torn ? `\n${text}` : text);
    this.#text = '';
    return { bytes, fd: this.#fd, sizeBefore: sizeOf(this.#fd), told };
  }

  /** There is no log to write to: standard error is what is left. */
  #report(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    process.stderr.write(`realmward: the log ${this.#path} cannot be written: ${(error as Error).message}\n`);
  }
}

/**
 * Writes lines to an open file descriptor, standard output that is, as Node does itself: at once for the system, though gathered for a moment.
 */
export function lineOutput(fd: number): LineSink {
  let text = '';
  let waiting = false;
  let broken = false;
  const flushSync = (): void => {
    waiting = false;
    if (text === '' || broken) return;
    const piece = Buffer.from(text);
    text = '';
    try {
      writeFully(fd, piece);
    } catch {
      // Nobody reads any more (EPIPE): a server goes on without.
      broken = true;
    }
  };
  process.on('exit', flushSync);
  return {
    write(line) {
      if (broken) return;
      text += line;
      if (text.length >= PIECE) flushSync();
      else if (!waiting) {
        waiting = true;
        setImmediate(flushSync);
      }
    },
    flush: () => Promise.resolve(flushSync()),
    flushSync,
    reopen: () => undefined,
    close() {
      process.off('exit', flushSync);
      return Promise.resolve(flushSync());
    },
  };
}

function openForAppending(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw new RealmwardError(
      'log-file',
      `the log file ${path} cannot be opened: ${(error as Error).message}`,
      {
        hint: 'Name a file that this user may write, or create its folder.',
        cause: error,
      },
    );
  }
}

/** Writes all of `bytes`, waiting where the other side is not ready (a pipe that does not block). */
function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      pause(2);
    }
  }
}

/** Whether a piece that is being written arrives in its file within a moment: the thread that writes it goes on while this one waits. */
function arrives({ bytes, fd, sizeBefore }: Piece): boolean {
  const until = performance.now() + MAX_FINAL_WAIT;
  while (sizeOf(fd) < sizeBefore + bytes.length) {
    if (performance.now() > until) return false;
    pause(2);
  }
  return true;
}

function sizeOf(fd: number): number {
  try {
    return fstatSync(fd).size;
  } catch {
    return 0;
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 10) lines++;
  return lines;
}

/** Blocks this thread for some milliseconds. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
