/** A login as a client makes it, step by step: the person's ticket, the one for a device, and the right that is in it. */
import {
  type ClientContext,
  type ClientEvent,
  ClientError,
  type Credential,
  getServiceTicket,
  grantingRealm,
  isKdcError,
  KerberosError,
  type Principal,
  type Proof,
  type SenderEvent,
  type ServiceRequest,
  showPrincipal,
} from '../client/index.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import { ETYPES } from '../codec/explain/names.ts';
import type { Right } from '../realm/right.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { Diagnosis } from './diagnosis.ts';
import { type DeviceKey, openServiceTicket } from './service-ticket.ts';
import { type Step, Steps } from './steps.ts';
import { LoginWatch, logIn } from './tickets.ts';

/** What a test takes. */
export interface LoginTest {
  readonly user: Principal;
  readonly proof: Proof;
  /** The device's service; left out: the person's own ticket is all. */
  readonly device?: Pick<ServiceRequest, 'name' | 'realm'> | undefined;
  /** Keys of the device; left out, or `undefined`: nobody here has them, and what the ticket says stays unknown. */
  readonly keysOf?: ((device: Principal) => Promise<readonly DeviceKey[] | undefined>) | undefined;
  /** A client that tells what it does. */
  readonly client: (observe: (event: ClientEvent | SenderEvent) => void) => ClientContext;
  readonly clockSkew: Seconds;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

export interface LoginReport {
  readonly ok: boolean;
  readonly steps: readonly Step[];
  /** What was got, in order: the person's ticket, those of realms on the way, the device's. */
  readonly tickets: readonly Credential[];
  /** What the device's ticket says; `undefined` where it was not opened. */
  readonly opened: { readonly rights: readonly Right[]; readonly groups: readonly Sid[] } | undefined;
}

/** Takes the steps up to the first that fails. Rejects with nothing but what is unexpected. */
export async function testLogin(test: LoginTest): Promise<LoginReport> {
  const { user, proof, device, clockSkew } = test;
  const steps = new Steps(test.now);
  const watch = new LoginWatch();
  const context = test.client((event) => {
    steps.observe(event);
    watch.observe(event);
  });
  const tickets: Credential[] = [];
  let opened: LoginReport['opened'];
  try {
    const tgt = await logIn(context, { user, proof, clockSkew }, watch, steps);
    tickets.push(tgt);
    if (device !== undefined) {
      const { credential, path } = await ticketFor(context, tgt, device, steps);
      tickets.push(...path, credential);
      const keys = await test.keysOf?.(credential.server);
      if (keys !== undefined) {
        const { key, ...content } = openServiceTicket(context.crypto, credential, keys);
        opened = content;
        steps.seen('key', `It opens with the device's key of ${etype(key.key.etype)}, version ${key.kvno}.`);
        judge(opened, steps);
      }
    }
    return { ok: true, steps: steps.taken, tickets, opened };
  } catch (error) {
    if (!(error instanceof Diagnosis)) throw error;
    steps.failed(error);
    return { ok: false, steps: steps.taken, tickets, opened };
  }
}

async function ticketFor(
  context: ClientContext,
  tgt: Credential,
  device: Pick<ServiceRequest, 'name' | 'realm'>,
  steps: Steps,
): ReturnType<typeof getServiceTicket> {
  steps.start();
  try {
    const got = await getServiceTicket(context, tgt, device);
    for (const hop of got.path)
      steps.seen('referral', `${hop.server.realm} gives a ticket for ${grantingRealm(hop)}.`);
    const { server, ticket } = got.credential;
    const { etype: type, kvno } = ticket.encPart;
    const version = kvno === undefined ? '' : `, key version ${kvno}`;
    steps.asked('service', `A ticket for ${showPrincipal(server)}, made with ${etype(type)}${version}.`);
    return got;
  } catch (error) {
    throw serviceDiagnosis(error, device);
  }
}

function serviceDiagnosis(error: unknown, device: Pick<ServiceRequest, 'name' | 'realm'>): Diagnosis {
  if (!(error instanceof RealmwardError)) throw error;
  const { message, hint } = error;
  const told = (code: Diagnosis['code'], fix = hint): Diagnosis =>
    new Diagnosis('service', code, message, fix, error);
  if (error instanceof ClientError && CLIENT_CAUSES[error.code] !== undefined)
    return told(CLIENT_CAUSES[error.code] ?? 'other');
  if (!(error instanceof KerberosError)) return told('other');
  const is = (code: number): boolean => isKdcError(error, code);
  if (is(ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN)) {
    if (device.realm !== undefined && error.realm !== device.realm) {
      return new Diagnosis(
        'service',
        'no-trust',
        `${error.realm} knows no way to the realm ${device.realm}. ${message}`,
        `${error.realm} must trust ${device.realm} so that its users may go there, under a name that is written exactly so.`,
        error,
      );
    }
    const name = device.name.nameString.join('/');
    return new Diagnosis(
      'service',
      'unknown-device',
      `${error.realm} has no service ${name}. ${message}`,
      'Has the device joined? Names are case-sensitive; where it is in another realm, write it behind an @.',
      error,
    );
  }
  if (is(ErrorCode.KDC_ERR_POLICY))
    return told(
      'policy',
      'Whoever may only join devices gets no ticket for one. The log of the KDC says which rule it was.',
    );
  if (is(ErrorCode.KDC_ERR_ETYPE_NOSUPP)) return told('enctype-not-enabled');
  if (is(ErrorCode.KRB_AP_ERR_SKEW)) return told('skew');
  return told('other');
}

const CLIENT_CAUSES: Partial<Record<ClientError['code'], Diagnosis['code']>> = {
  'no-answer': 'no-answer',
  'no-servers': 'no-servers',
  'certificate-refused': 'certificate',
};

function judge({ rights, groups }: NonNullable<LoginReport['opened']>, steps: Steps): void {
  if (rights.length > 0) {
    steps.seen('right', `The ticket states ${rights.join(' and ')}.`);
    return;
  }
  throw new Diagnosis(
    'right',
    'no-right',
    `The ticket states no right: the device lets nobody in with it. ${groups.length === 0 ? 'It names no groups.' : `Its groups: ${groups.join(', ')}.`}`,
    'An account of the realm gets a right by "realmward user set NAME --right RIGHT", a user of a trusted realm by a group in the rights map of the trust.',
  );
}

function etype(type: number): string {
  return ETYPES.get(type) ?? `encryption type ${type}`;
}
