import type { ClientEvent, SenderEvent } from '../client/index.ts';
import type { Cause, Diagnosis, StepName } from './diagnosis.ts';

/** One step of a test. */
export interface Step {
  readonly name: StepName;
  readonly ok: boolean;
  /** What was found. */
  readonly text: string;
  /** How long it took; `undefined` for what was only looked at. */
  readonly milliseconds: number | undefined;
  /** Who was asked over what: `UDP 192.0.2.1:88 (answer too big), TCP 192.0.2.1:88`; `undefined` where nobody was. */
  readonly transport: string | undefined;
  /** Why it failed, and what to do about it. */
  readonly cause: Cause | undefined;
  readonly fix: string | undefined;
}

/** The steps of a test as they are taken. */
export class Steps {
  readonly taken: Step[] = [];
  readonly #now: () => number;
  #attempts: string[] = [];
  #since: number;

  /** `now`: milliseconds of a clock that is never set. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** What the client does, for the transport of the step that it belongs to. */
  readonly observe = (event: ClientEvent | SenderEvent): void => {
    if (event.kind !== 'attempt') return;
    const { transport, address, port, outcome, detail } = event;
    const how = outcome === 'answered' ? '' : ` (${detail ?? OUTCOMES[outcome]})`;
    this.#attempts.push(
      `${transport.toUpperCase()} ${address.includes(':') ? `[${address}]` : address}:${port}${how}`,
    );
  };

  /** Time, and whom the client has asked, count for the next step from here on. */
  start(): void {
    this.#since = this.#now();
    this.#attempts = [];
  }

  /** A step over the network, since `start`. */
  asked(name: StepName, text: string): void {
    this.#add({ name, ok: true, text, ...this.#effort() });
  }

  /** A step that only looks at what is there. */
  seen(name: StepName, text: string): void {
    this.#add({ name, ok: true, text });
  }

  failed({ step, message, code, hint }: Diagnosis): void {
    const effort = NETWORK.has(step) ? this.#effort() : {};
    this.#add({ name: step, ok: false, text: message, cause: code, fix: hint, ...effort });
  }

  #effort(): Pick<Step, 'milliseconds' | 'transport'> {
    const transport = this.#attempts.length === 0 ? undefined : this.#attempts.join(', ');
    return { milliseconds: this.#now() - this.#since, transport };
  }

  #add(step: Pick<Step, 'name' | 'ok' | 'text'> & Partial<Step>): void {
    this.taken.push({
      milliseconds: undefined,
      transport: undefined,
      cause: undefined,
      fix: undefined,
      ...step,
    });
  }
}

const NETWORK: ReadonlySet<StepName> = new Set(['servers', 'login', 'referral', 'service', 'our KDC']);
const OUTCOMES = {
  silent: 'no answer',
  'too-big': 'answer too big',
  unavailable: 'cannot answer',
  unreachable: 'unreachable',
};
