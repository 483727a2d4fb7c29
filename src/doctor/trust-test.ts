/** Follows a user of a trusted realm from its login there to the right that it has here, a step at a time. */
import type { Seconds } from '../base/ports.ts';
import { nowSeconds } from '../base/ports.ts';
import {
  type ClientContext,
  type ClientEvent,
  type Credential,
  getServiceTicket,
  grantingRealm,
  krbtgt,
  type Principal,
  type Proof,
  type SenderEvent,
  showPrincipal,
} from '../client/index.ts';
import { RealmwardError } from '../base/errors.ts';
import { isInbound } from '../realm/trust.ts';
import { type TrustRecord, trustOf } from '../realm/trust-settings.ts';
import { Diagnosis } from './diagnosis.ts';
import { type Arrival, type Examination, examineTicket } from './examine.ts';
import { type Step, Steps } from './steps.ts';
import { getReferral, LoginWatch, logIn, referralSentence } from './tickets.ts';
import { foreignVerdict, type Verdict } from './verdict.ts';

/** What a test takes. */
export interface TrustTest {
  readonly trust: TrustRecord;
  readonly us: Examination['us'];
  readonly user: Principal;
  /** How the user proves who it is, or tickets that it has. */
  readonly proof: Proof | { readonly tickets: readonly Credential[] };
  /** A client that tells what it does. */
  readonly client: (observe: (event: ClientEvent | SenderEvent) => void) => ClientContext;
  /** Also asks our own KDC, as a client would. */
  readonly askUs: boolean;
  /** For the keys of the trust, as our KDC uses them. */
  readonly trustCrypto: ClientContext['crypto'];
  readonly clockSkew: Seconds;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  readonly sentence: Examination['sentence'];
}

export interface TrustReport {
  readonly ok: boolean;
  readonly steps: readonly Step[];
  /** Who came; `undefined` where the test ended before. */
  readonly arrival: Arrival | undefined;
  readonly verdict: Verdict | undefined;
}

/** Takes the steps up to the first that fails. Rejects with nothing but what is unexpected. */
export async function testTrust(test: TrustTest): Promise<TrustReport> {
  const { trust, us, clockSkew, sentence } = test;
  const steps = new Steps(test.now);
  const watch = new LoginWatch();
  const context = test.client((event) => {
    steps.observe(event);
    watch.observe(event);
  });
  let arrival: Arrival | undefined;
  let verdict: Verdict | undefined;
  try {
    checkDirection(trust, steps);
    const now = (): Seconds => nowSeconds(context.clock);
    const referral = await ticketForUs(test, context, watch, steps, now());
    const examination = { crypto: test.trustCrypto, trust, us, now: now(), clockSkew, sentence };
    arrival = examineTicket(examination, referral.ticket, steps);
    verdict = foreignVerdict(trustOf(trust), arrival.groups);
    steps.seen('right', verdict.because);
    if (test.askUs) await askOurKdc(context, referral, us.realm, steps);
    return { ok: true, steps: steps.taken, arrival, verdict };
  } catch (error) {
    if (!(error instanceof Diagnosis)) throw error;
    steps.failed(error);
    return { ok: false, steps: steps.taken, arrival, verdict };
  }
}

function checkDirection(trust: TrustRecord, steps: Steps): void {
  const { realm, kind, direction } = trust;
  if (!isInbound(trustOf(trust))) {
    throw new Diagnosis(
      'trust',
      'trust-direction',
      `The trust with ${realm} is outbound only: its users do not come to us.`,
      `Make it inbound or both, in the configuration or with "realmward trust set ${realm} --direction both".`,
    );
  }
  steps.seen(
    'trust',
    `${realm} is trusted ${direction === 'both' ? 'in both directions' : 'inbound'}, as a realm of the kind ${kind}.`,
  );
}

/** The user's ticket `krbtgt/US@THEM`: the one that it has, or a new one. */
async function ticketForUs(
  test: TrustTest,
  context: ClientContext,
  watch: LoginWatch,
  steps: Steps,
  now: Seconds,
): Promise<Credential> {
  const { trust, us, user, proof, clockSkew } = test;
  if (!('tickets' in proof)) {
    const tgt = await logIn(context, { user, proof, clockSkew }, watch, steps);
    return getReferral(context, tgt, trust, us.realm, steps);
  }
  const alive = proof.tickets.filter(({ endtime }) => endtime > now);
  const ready = alive.find((one) => grantingRealm(one) === us.realm && one.server.realm === trust.realm);
  if (ready !== undefined) {
    steps.seen('referral', `${referralSentence(ready)} It was in the cache.`);
    return ready;
  }
  const tgt =
    alive.find((one) => grantingRealm(one) === trust.realm) ??
    alive.find((one) => grantingRealm(one) !== undefined);
  if (tgt === undefined) {
    throw new Diagnosis(
      'login',
      'other',
      `The cache has no ticket that is still good for krbtgt/${us.realm}@${trust.realm} or krbtgt/${trust.realm}@${trust.realm}.`,
      `Get one: kinit ${showPrincipal(user)}`,
    );
  }
  return getReferral(context, tgt, trust, us.realm, steps);
}

/** Lets our KDC have its say: it may know another trust than the store has now, or check what is not checked here. */
async function askOurKdc(
  context: ClientContext,
  referral: Credential,
  us: string,
  steps: Steps,
): Promise<void> {
  steps.start();
  try {
    const { credential } = await getServiceTicket(context, referral, { name: krbtgt(us), realm: us });
    steps.asked('our KDC', `It takes the ticket, and gives one for ${showPrincipal(credential.server)}.`);
  } catch (error) {
    if (!(error instanceof RealmwardError)) throw error;
    const silent = error.code === 'no-answer' || error.code === 'no-servers';
    throw new Diagnosis(
      'our KDC',
      silent ? 'no-answer' : 'refused-by-us',
      error.message,
      silent ? 'Start the server; the trust itself is as it should be.' : 'The log of the server says why.',
      error,
    );
  }
}
