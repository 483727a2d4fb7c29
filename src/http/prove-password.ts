import { availableParallelism } from 'node:os';
import { makeApReq } from '../ap/ap-req.ts';
import { type VerifiedApReq, verifyApReq } from '../ap/verify-ap-req.ts';
import type { Key } from '../base/key.ts';
import {
  type Credential,
  type ClientContext,
  type ClientEvent,
  nameOf,
  samePrincipal,
} from '../client/index.ts';
import { getInitialTicket, getServiceTicket, isKdcError } from '../client/index.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import { defaultSalt, parseName } from '../realm/name.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { Etype } from '../spec/etypes.ts';
import type { AttemptGuard, GuardedAccount, Judged } from './attempt-guard.ts';
import type { Person } from './caller.ts';
import { createGate, type Gate } from './gate.ts';
import { clockFailure, judgeError, type JudgedFailure, maybeCounted } from './login-failure.ts';
import type { PasswordAttempt, PasswordProof, PasswordProver, ProvingService } from './password-proof.ts';

export interface PasswordProverOptions {
  readonly guard: AttemptGuard;
  /** Our realm. */
  readonly realm: string;
  /**
   * The client for one attempt, on behalf of somebody at `address`: it asks our own KDC in this process, those of declared trusts over the network,
   * and nobody else.
   */
  readonly client: (address: string) => ClientContext;
  /** Reads who a ticket of ours speaks for: `personOf`, with the key that opened it. Throws `TicketError`. */
  readonly person: (ticket: EncTicketPart, serverKey: Key) => Person | Promise<Person>;
  /** A service of the realm itself, for which everybody may have a ticket. */
  readonly ownService: () => Promise<ProvingService>;
  /** Seconds. */
  readonly clockSkew: number;
}

/** PBKDF2 runs in Node's threads; one core is left to the KDC. */
const KEYS_AT_A_TIME = { concurrency: Math.max(1, availableParallelism() - 1), queue: 1024 };

/** A login asks several servers, each of which may be silent for seconds. */
const DEADLINE = 30_000;

/**
 * Proves passwords: a login at the person's realm, the way from there into ours, a ticket for the given service, opened with the key of that
 * service. So whoever answers must know our keys, and not the password alone.
 */
export function createPasswordProver(options: PasswordProverOptions): PasswordProver {
  const keys = createGate(KEYS_AT_A_TIME);
  return {
    prove(attempt, signal) {
      const deadline = AbortSignal.timeout(DEADLINE);
      const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
      const login = (account: GuardedAccount): Promise<Judged<PasswordProof>> =>
        new Login(options, keys, attempt, account, either).run();
      return options.guard.run<PasswordProof>(attempt, login, signal);
    },
  };
}

/** One login. */
class Login {
  readonly #options: PasswordProverOptions;
  readonly #attempt: PasswordAttempt;
  readonly #account: GuardedAccount;
  readonly #context: ClientContext;
  readonly #signal: AbortSignal;
  #sent = false;
  #loggedIn = false;
  #offset = 0;

  constructor(
    options: PasswordProverOptions,
    keys: Gate,
    attempt: PasswordAttempt,
    account: GuardedAccount,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#attempt = attempt;
    this.#account = account;
    this.#signal = signal;
    const context = options.client(attempt.address);
    const { crypto } = context;
    this.#context = {
      ...context,
      crypto: { ...crypto, stringToKey: (...of) => keys.run(() => crypto.stringToKey(...of), signal) },
      observe: (event) => {
        this.#watch(event);
        context.observe?.(event);
      },
    };
  }

  async run(): Promise<Judged<PasswordProof>> {
    try {
      const tgt = await this.#logIn();
      const { clockOffset } = tgt;
      // The client has followed the clock of the realm; but tickets with such times are of no use here.
      if (Math.abs(clockOffset) > this.#options.clockSkew * 1_000_000)
        return failed(clockFailure(inSeconds(clockOffset)));
      return { outcome: 'succeeded', result: await this.#arrive(tgt) };
    } catch (error) {
      const { realm: own } = this.#options;
      const progress = { own, sent: this.#sent, loggedIn: this.#loggedIn, offset: this.#offset };
      const judged = judgeError(error, progress);
      return judged === undefined ? { error, outcome: maybeCounted(progress) } : failed(judged);
    }
  }

  async #logIn(): Promise<Credential> {
    const { realm, components } = this.#account;
    const { password } = this.#attempt;
    const client = { realm, name: nameOf(...components) };
    try {
      const tgt = await getInitialTicket(this.#context, {
        client,
        proof: { password },
        signal: this.#signal,
      });
      this.#loggedIn = true;
      return tgt;
    } catch (error) {
      // A realm that does not know the name says so before a key is made. It is made all the same: the time must not tell.
      if (isKdcError(error, ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN) && !this.#sent)
        await this.#context.crypto.stringToKey(
          Etype.AES256_CTS_HMAC_SHA1_96,
          password,
          defaultSalt(realm, components),
        );
      throw error;
    }
  }

  async #arrive(tgt: Credential): Promise<PasswordProof> {
    const { service } = this.#attempt;
    try {
      const { person, apReq, credential } = await this.#open(tgt, service);
      return { result: 'proven', person, expires: credential.endtime, apReq };
    } catch (error) {
      // Our own KDC, in this process: whoever may join devices and nothing else gets tickets for the realm's own services alone.
      const { realm } = this.#options;
      if (!isKdcError(error, ErrorCode.KDC_ERR_POLICY) || error.realm !== realm) throw error;
      const own = await this.#options.ownService();
      if (own.name === service.name) throw error;
      const { person } = await this.#open(tgt, own);
      return {
        result: 'no_right',
        person,
        reason: error.code,
        detail: error.message,
        message: 'The password is right, but the account may not log in to devices.',
        hint: 'Ask whoever keeps the realm for the right Viewer or Administrator.',
      };
    }
  }

  /** Gets a ticket for a service of ours and opens it with our key, which proves everybody who took part in making it. */
  async #open(
    tgt: Credential,
    service: ProvingService,
  ): Promise<{ person: Person; apReq: Uint8Array; credential: Credential }> {
    const { realm, clockSkew } = this.#options;
    const { crypto, clock } = this.#context;
    const name = nameOf(...parseName(service.name));
    const { credential } = await getServiceTicket(this.#context, tgt, { name, realm, signal: this.#signal });
    const apReq = makeApReq(crypto, clock, credential).message.slice();
    const us = { realm, name };
    const keys = service.keys.map(({ kvno, key }) => ({ ...us, kvno, key }));
    const verified: VerifiedApReq = verifyApReq(
      // The device has its own replay cache; to us this message never came over a network.
      {
        crypto,
        clock,
        clockSkew,
        replays: undefined,
        keys: (server) => (samePrincipal(server, us) ? keys : []),
      },
      apReq,
    );
    return { person: await this.#options.person(verified.ticket, verified.ticketKey.key), apReq, credential };
  }

  #watch(event: ClientEvent): void {
    if (event.kind === 'preauth') this.#sent = true;
    if (event.kind === 'clock' && event.realm === this.#account.realm) this.#offset = inSeconds(event.offset);
    // The authenticated time of a ticket counts more than what error messages say.
    if (event.kind === 'ticket' && event.exchange === 'AS') {
      const { authtime } = event.credential;
      this.#offset = inSeconds(authtime * 1_000_000 - this.#context.clock.microseconds());
    }
  }
}

function failed({ failure, outcome }: JudgedFailure): Judged<PasswordProof> {
  return { result: failure, outcome };
}

function inSeconds(microseconds: number): number {
  return Math.round(microseconds / 1_000_000);
}
