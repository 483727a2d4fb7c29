import type { Socket } from 'node:net';
import { FrameReader, TOO_LONG } from './frame.ts';
import type { MessageHandler, Peer } from './handler.ts';
import type { TransportLimits } from './limits.ts';

/** What a connection needs of its server. */
export interface TcpHost {
  readonly handler: MessageHandler;
  readonly fieldTooLong: (() => Uint8Array) | undefined;
  readonly limits: TransportLimits;
  readonly counts: TcpCounts;
  /** True from the moment the server closes: then connections end after the request that is in work. */
  readonly draining: boolean;
  now(): number;
  /** A whole request has arrived. */
  progressed(connection: TcpConnection): void;
  /** `connection.held` may have changed. */
  measured(connection: TcpConnection): void;
  failed(error: unknown): void;
}

/** What happened to connections since the start. */
export interface TcpCounts {
  accepted: number;
  requests: number;
  answered: number;
  /** Refused: too many connections of one address, or nobody to make room. */
  refused: number;
  /** Cut off to make room for others. */
  evicted: number;
  /** Cut off because a request, its answer or the client's reading took too long. */
  timedOut: number;
  /** Closed because a request was too long or empty. */
  malformed: number;
  /** The handler threw. */
  failed: number;
}

/** Requests of one connection that are answered before others get their turn. */
const TURN = 16;

/**
 * One client's connection. It is `reading` until a whole request is there; `working` while one is being answered, or while others have their
 * turn; `writing` while the client does not take its replies; `closing` once the last reply is written: what still arrives is thrown away,
 * because to close on unread input resets the connection, and with it that reply. Input is read in the first and the last state alone, so that
 * a client which sends faster than it is answered waits.
 */
export class TcpConnection {
  readonly socket: Socket;
  readonly peer: Peer;
  state: 'reading' | 'working' | 'writing' | 'closing' = 'reading';
  /** When it is cut off, should it still be in the same state. */
  deadline: number;
  readonly #host: TcpHost;
  readonly #reader: FrameReader;

  constructor(socket: Socket, peer: Peer, host: TcpHost) {
    this.socket = socket;
    this.peer = peer;
    this.#host = host;
    this.#reader = new FrameReader(host.limits.request);
    this.deadline = host.now() + host.limits.requestTime;
    socket.setNoDelay(true);
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    socket.on('drain', () => {
      if (this.state === 'writing') this.#serve();
    });
    socket.on('end', () => {
      if (this.state === 'reading') this.finish();
    });
  }

  /** Bytes of input it keeps. */
  get held(): number {
    return this.#reader.held;
  }

  /** Ends the connection after what was written, or at once where the server closes. */
  finish(): void {
    if (this.socket.destroyed) return;
    this.#enter('closing', this.#host.limits.writeTime);
    if (this.#host.draining) this.socket.destroySoon();
    else this.socket.end();
  }

  #receive(piece: Uint8Array): void {
    if (this.state === 'closing') return;
    if (this.held === 0) this.deadline = this.#host.now() + this.#host.limits.requestTime;
    this.#reader.push(piece);
    if (this.state === 'reading') this.#serve();
    this.#host.measured(this);
  }

  /** Answers the requests that have arrived, of which `served` were answered in this turn. */
  #serve(served = 0): void {
    const { handler, limits, counts } = this.#host;
    for (; ; served++) {
      if (this.socket.destroyed) return;
      if (this.#host.draining) return this.finish();
      if (served === TURN) {
        this.#enter('working', limits.workTime);
        setImmediate(() => this.#serve());
        return;
      }
      const request = this.#reader.next();
      if (request === undefined) {
        // Only progress moves the deadline: a request that comes byte by byte has no more time than any other.
        if (served > 0 || this.state !== 'reading') {
          this.#enter('reading', this.held > 0 ? limits.requestTime : limits.idleTime);
        }
        return this.#host.measured(this);
      }
      if (request === TOO_LONG || request.length === 0) return this.#refuse(request === TOO_LONG);
      counts.requests++;
      this.#host.progressed(this);
      let reply: ReturnType<MessageHandler>;
      try {
        reply = handler(request, this.peer);
      } catch (error) {
        return this.#fail(error);
      }
      if (reply !== undefined && !(reply instanceof Uint8Array)) {
        this.#enter('working', limits.workTime);
        void this.#answerLater(reply, served + 1);
        return;
      }
      if (!this.#answer(reply)) return;
    }
  }

  async #answerLater(reply: Promise<Uint8Array | undefined>, served: number): Promise<void> {
    try {
      if (this.#answer(await reply)) this.#serve(served);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether the next request may follow. */
  #answer(reply: Uint8Array | undefined): boolean {
    // Silence over TCP would leave the client waiting: it tries its next KDC sooner when the connection ends.
    if (reply === undefined || this.socket.destroyed) {
      this.finish();
      return false;
    }
    this.#host.counts.answered++;
    if (this.#write(reply)) return true;
    this.#enter('writing', this.#host.limits.writeTime);
    return false;
  }

  #refuse(tooLong: boolean): void {
    this.#host.counts.malformed++;
    if (tooLong && this.#host.fieldTooLong !== undefined) {
      try {
        this.#write(this.#host.fieldTooLong());
      } catch (error) {
        this.#host.failed(error);
      }
    }
    this.finish();
  }

  #fail(error: unknown): void {
    this.#host.failed(error);
    this.finish();
  }

  #write(reply: Uint8Array): boolean {
    const frame = Buffer.allocUnsafe(4 + reply.length);
    frame.writeUInt32BE(reply.length);
    frame.set(reply, 4);
    return this.socket.write(frame);
  }

  #enter(state: TcpConnection['state'], time: number): void {
    this.state = state;
    this.deadline = this.#host.now() + time;
    if (state === 'reading' || state === 'closing') this.socket.resume();
    else this.socket.pause();
  }
}
