/** The other realm's half: a user's login there, and the ticket for our realm that follows. */
import {
  ClientError,
  type ClientContext,
  type ClientEvent,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  grantingRealm,
  isKdcError,
  KerberosError,
  krbtgt,
  type Principal,
  type Proof,
  type SenderEvent,
  showPrincipal,
  showServer,
} from '../client/index.ts';
import { RealmwardError } from '../base/errors.ts';
import { ETYPES } from '../codec/explain/names.ts';
import type { TrustRecord } from '../realm/trust-settings.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { NameType } from '../spec/name-types.ts';
import { Diagnosis } from './diagnosis.ts';
import { aesFix } from './examine.ts';
import type { Steps } from './steps.ts';

/** What the client has told of a login. */
export class LoginWatch {
  servers: string | undefined;
  /** Microseconds that the KDC's clock is ahead of ours. */
  offset: number | undefined;
  #preauth: string | undefined;

  readonly observe = (event: ClientEvent | SenderEvent): void => {
    switch (event.kind) {
      case 'located':
        this.servers ??= `${event.source}: ${event.servers.map(showServer).join(', ')}.`;
        break;
      case 'clock':
        this.offset ??= event.offset;
        break;
      case 'preauth':
        this.#preauth = ` Its key is of ${etype(event.etype)}${event.salt === undefined ? '' : `, with the salt ${event.salt}`}.`;
        break;
      default:
    }
  };

  get preauth(): string {
    return this.#preauth ?? '';
  }
}

/** Logs the user in at its realm; takes the steps `servers`, `clock` and `login`. Throws `Diagnosis`. */
export async function logIn(
  context: ClientContext,
  login: { readonly user: Principal; readonly proof: Proof; readonly clockSkew: number },
  watch: LoginWatch,
  steps: Steps,
): Promise<Credential> {
  const { user, proof, clockSkew } = login;
  steps.start();
  let tgt: Credential | undefined;
  let error: unknown;
  try {
    const canonicalize = user.name.nameType === NameType.ENTERPRISE;
    tgt = await getInitialTicket(context, { client: user, proof, canonicalize });
  } catch (caught) {
    error = caught;
  }
  if (watch.servers !== undefined) steps.seen('servers', watch.servers);
  const offset = watch.offset ?? tgt?.clockOffset;
  if (offset !== undefined) {
    const far = Math.abs(offset) > clockSkew * 1_000_000;
    if (far) throw skewed('clock', offset, user.realm, clockSkew);
    steps.seen('clock', `The clock of ${user.realm} ${apart(offset)}.`);
  }
  if (tgt === undefined) throw loginDiagnosis(error, user);
  steps.asked(
    'login',
    `${showPrincipal(tgt.client)} has a ticket for ${showPrincipal(tgt.server)}.${watch.preauth}`,
  );
  return tgt;
}

/** Gets the ticket for our realm with a ticket-granting ticket of the user's; takes the step `referral`. Throws `Diagnosis`. */
export async function getReferral(
  context: ClientContext,
  tgt: Credential,
  trust: TrustRecord,
  us: string,
  steps: Steps,
): Promise<Credential> {
  steps.start();
  let credential: Credential;
  try {
    ({ credential } = await getServiceTicket(context, tgt, { name: krbtgt(us), realm: trust.realm }));
  } catch (error) {
    throw await referralDiagnosis(error, context, tgt, trust, us);
  }
  steps.asked('referral', referralSentence(credential));
  return credential;
}

/** What can be seen of a ticket without its key. */
export function referralSentence({ server, ticket }: Credential): string {
  const { etype: type, kvno } = ticket.encPart;
  return `A ticket for ${showPrincipal(server)}, made with ${etype(type)}, ${kvno === undefined ? 'without a key version' : `key version ${kvno}`}.`;
}

function loginDiagnosis(error: unknown, user: Principal): Diagnosis {
  if (!(error instanceof RealmwardError)) throw error;
  const { message, hint } = error;
  const who = showPrincipal(user);
  const is = (code: number): boolean => isKdcError(error, code);
  if (error instanceof ClientError) {
    if (error.code === 'no-servers') return new Diagnosis('servers', 'no-servers', message, hint, error);
    if (error.code === 'certificate-refused')
      return new Diagnosis('login', 'certificate', message, hint, error);
    if (error.code === 'wrong-key') return new Diagnosis('login', 'wrong-password', message, hint, error);
    if (error.code === 'no-answer') return new Diagnosis('login', 'no-answer', message, hint, error);
    if (error.code === 'realm-mismatch') return realmCase('login', message, error);
  }
  if (error instanceof KerberosError) {
    if (is(ErrorCode.KDC_ERR_WRONG_REALM)) return wrongRealm(error, user);
    if (is(ErrorCode.KDC_ERR_PREAUTH_FAILED) || is(ErrorCode.KRB_AP_ERR_BAD_INTEGRITY))
      return new Diagnosis(
        'login',
        'wrong-password',
        `The password of ${who} is wrong (${error.errorName}).`,
        'Check the name, the realm and the keyboard layout.',
        error,
      );
    if (is(ErrorCode.KRB_AP_ERR_SKEW)) return new Diagnosis('clock', 'skew', message, hint, error);
    if (is(ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN))
      return new Diagnosis('login', 'unknown-user', message, hint, error);
    if (REFUSED.some(is)) return new Diagnosis('login', 'account-refused', message, hint, error);
  }
  return new Diagnosis('login', 'other', message, hint, error);
}

/** The KDC says that it serves another realm, or that the user belongs to one. */
function wrongRealm(error: KerberosError, user: Principal): Diagnosis {
  const { clientRealm: meant, message } = error;
  if (meant === undefined || meant === user.realm)
    return realmCase('login', `What answers there is no KDC of ${user.realm}. ${message}`, error);
  if (meant.toLowerCase() === user.realm.toLowerCase())
    return realmCase('login', `The realm is called ${meant}, not ${user.realm}.`, error);
  return new Diagnosis(
    'login',
    'unknown-user',
    `${showPrincipal(user)} belongs to the realm ${meant}.`,
    "Test with the user's name in that realm.",
    error,
  );
}

const REFUSED = [
  ErrorCode.KDC_ERR_CLIENT_REVOKED,
  ErrorCode.KDC_ERR_KEY_EXPIRED,
  ErrorCode.KDC_ERR_NAME_EXP,
  ErrorCode.KDC_ERR_CLIENT_NOTYET,
  ErrorCode.KDC_ERR_POLICY,
];

async function referralDiagnosis(
  error: unknown,
  context: ClientContext,
  tgt: Credential,
  trust: TrustRecord,
  us: string,
): Promise<Diagnosis> {
  if (!(error instanceof RealmwardError)) throw error;
  const { message, hint } = error;
  const them = trust.realm;
  if (isKdcError(error, ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN)) {
    const other = await nameThere(context, tgt, them, us);
    if (other !== undefined)
      return realmCase(
        'referral',
        `${them} has a trust with ${other}, but our realm is called ${us}.`,
        error,
      );
    return new Diagnosis(
      'referral',
      'trust-direction',
      `${them} gives no ticket for our realm: it has no trust with ${us}, or one of the other direction only.`,
      `There the trust must let its users come to us${trust.kind === 'ad' ? ' (in AD "incoming" or two-way)' : ''}, and be with the realm ${us}, written exactly so.`,
      error,
    );
  }
  if (isKdcError(error, ErrorCode.KDC_ERR_ETYPE_NOSUPP)) {
    return new Diagnosis(
      'referral',
      'enctype-not-enabled',
      `${them} has no AES key for this trust. ${message}`,
      aesFix(trust, us),
      error,
    );
  }
  if (isKdcError(error, ErrorCode.KRB_AP_ERR_SKEW))
    return new Diagnosis('referral', 'skew', message, hint, error);
  return new Diagnosis('referral', 'other', message, hint, error);
}

/** Another letter case of our realm's name under which the other realm knows it. */
async function nameThere(
  context: ClientContext,
  tgt: Credential,
  them: string,
  us: string,
): Promise<string | undefined> {
  for (const name of new Set([us.toUpperCase(), us.toLowerCase()])) {
    if (name === us) continue;
    try {
      const { credential } = await getServiceTicket(context, tgt, { name: krbtgt(name), realm: them });
      if (grantingRealm(credential) === name) return name;
    } catch (error) {
      if (!(error instanceof RealmwardError)) throw error;
    }
  }
  return undefined;
}

function realmCase(step: 'login' | 'referral', text: string, error: RealmwardError): Diagnosis {
  return new Diagnosis(
    step,
    'realm-case',
    text,
    'Names of realms are case-sensitive: both sides must write both names exactly as the realms call themselves. AD calls itself by its DNS name in upper case.',
    error,
  );
}

function skewed(step: 'clock', offset: number, realm: string, clockSkew: number): Diagnosis {
  return new Diagnosis(
    step,
    'skew',
    `The clock of ${realm} ${apart(offset)}; ${clockSkew} seconds are forgiven.`,
    'Set both clocks from the same time servers.',
  );
}

function apart(microseconds: number): string {
  const ahead = microseconds / 1_000_000;
  if (Math.abs(ahead) < 0.1) return 'agrees with ours';
  return `is ${Math.abs(ahead).toFixed(1)} seconds ${ahead < 0 ? 'behind' : 'ahead of'} ours`;
}

function etype(type: number): string {
  return ETYPES.get(type) ?? `encryption type ${type}`;
}
