import { makeApReq } from '../ap/ap-req.ts';
import { verifyApReq } from '../ap/verify-ap-req.ts';
import type { Key } from '../base/key.ts';
import {
  type ClientContext,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  isKdcError,
  nameOf,
  samePrincipal,
} from '../client/index.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import { defaultSalt, parseName } from '../realm/name.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { Etype } from '../spec/etypes.ts';
import { type AccountClient, accountClient, inSeconds } from './account-client.ts';
import type { AttemptGuard, GuardedAccount, Identify, Judged } from './attempt-guard.ts';
import type { Person } from './caller.ts';
import type { Gate } from './gate.ts';
import { clockFailure, judgeError, type JudgedFailure, maybeCounted } from './login-failure.ts';
import type { PasswordAttempt, PasswordProof, PasswordProver, ProvingService } from './password-proof.ts';

export interface PasswordProverOptions {
  readonly guard: AttemptGuard;
  /** `createKeyGate`. */
  readonly keys: Gate;
  /** Our realm. */
  readonly realm: string;
  /**
   * The client for one attempt, on behalf of somebody at `address`: it asks our own KDC in this process, those of declared trusts over the network,
   * and nobody else.
   */
  readonly client: (address: string) => ClientContext;
  /** Reads who a ticket of ours speaks for, with the key that opened it. Throws `TicketError`. */
  readonly person: (ticket: EncTicketPart, serverKey: Key) => Person | Promise<Person>;
  /** A service of the realm itself, for which everybody may have a ticket. */
  readonly ownService: () => Promise<ProvingService>;
  /** Seconds. */
  readonly clockSkew: number;
}

/** A login asks several servers, each of which may be silent for seconds. */
const DEADLINE = 30_000;

/**
 * Proves passwords: a login at the person's realm, the way from there into ours, a ticket for the given service, opened with the key of that
 * service. So whoever answers must know our keys, and not the password alone.
 */
export function createPasswordProver(options: PasswordProverOptions): PasswordProver {
  const { guard, keys, realm: own } = options;
  return {
    prove(attempt, signal) {
      const within = withDeadline(signal);
      const login = (account: GuardedAccount, identify: Identify): Promise<Judged<PasswordProof>> => {
        const limits = { own, keys, identify, signal: within };
        const client = accountClient(options.client(attempt.address), account, limits);
        return new Login(options, attempt, account, client, within).run();
      };
      return guard.run<PasswordProof>(attempt, login, signal);
    },
  };
}

/** `signal`, and the time that an attempt may take. */
export function withDeadline(signal: AbortSignal | undefined): AbortSignal {
  const deadline = AbortSignal.timeout(DEADLINE);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

/** What an attempt came to that threw `error`: told to the person, or thrown on. */
export function judgedError(
  error: unknown,
  progress: AccountClient['progress'],
): Judged<JudgedFailure['failure']> {
  const judged = judgeError(error, progress);
  if (judged === undefined) return { error, outcome: maybeCounted(progress) };
  return { result: judged.failure, outcome: judged.outcome };
}

/** One login. */
class Login {
  readonly #options: PasswordProverOptions;
  readonly #attempt: PasswordAttempt;
  readonly #account: GuardedAccount;
  readonly #client: AccountClient;
  readonly #signal: AbortSignal;

  constructor(
    options: PasswordProverOptions,
    attempt: PasswordAttempt,
    account: GuardedAccount,
    client: AccountClient,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#attempt = attempt;
    this.#account = account;
    this.#client = client;
    this.#signal = signal;
  }

  async run(): Promise<Judged<PasswordProof>> {
    try {
      const tgt = await this.#logIn();
      const { clockOffset } = tgt;
      // The client has followed the clock of the realm; but tickets with such times are of no use here.
      if (Math.abs(clockOffset) > this.#options.clockSkew * 1_000_000) {
        const { failure, outcome } = clockFailure(inSeconds(clockOffset));
        return { result: failure, outcome };
      }
      return { outcome: 'succeeded', result: await this.#arrive(tgt) };
    } catch (error) {
      return judgedError(error, this.#client.progress);
    }
  }

  async #logIn(): Promise<Credential> {
    const { context, progress } = this.#client;
    const { realm, components } = this.#account;
    const { password } = this.#attempt;
    const client = { realm, name: nameOf(...components) };
    try {
      return await getInitialTicket(context, { client, proof: { password }, signal: this.#signal });
    } catch (error) {
      // A realm that does not know the name says so before a key is made. It is made all the same: the time must not tell.
      if (isKdcError(error, ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN) && !progress.sent) {
        const salt = defaultSalt(realm, components);
        await context.crypto.stringToKey(Etype.AES256_CTS_HMAC_SHA1_96, password, salt);
      }
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
    const { context } = this.#client;
    const { crypto, clock } = context;
    const name = nameOf(...parseName(service.name));
    const { credential } = await getServiceTicket(context, tgt, { name, realm, signal: this.#signal });
    const apReq = makeApReq(crypto, clock, credential).message.slice();
    const us = { realm, name };
    const keys = service.keys.map(({ kvno, key }) => ({ ...us, kvno, key }));
    const { ticket, ticketKey } = verifyApReq(
      {
        crypto,
        clock,
        clockSkew,
        keys: (server) => (samePrincipal(server, us) ? keys : []),
        // The service has its own replay cache; to us this message never came over a network.
        replays: undefined,
      },
      apReq,
    );
    return { person: await this.#options.person(ticket, ticketKey.key), apReq, credential };
  }
}
