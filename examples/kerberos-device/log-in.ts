/** A device that speaks Kerberos itself: with the password that was typed it asks the person's own realm, and nobody in between. */
import {
  ApError,
  ClientError,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  KerberosError,
  type KeytabEntry,
  loginRight,
  makeApReq,
  nameOf,
  type Principal,
  RealmwardError,
  readKeytab,
  showPrincipal,
  verifyApReq,
} from 'realmward-client';
import { nodeAcceptor, nodeClient, type NodeClientOptions } from 'realmward-client/node';
import type { LogIn, LoginResult } from '../device/result.ts';

export interface KerberosOptions {
  /** Bytes of the keytab with the keys of `host/<name>`. */
  readonly keytab: Uint8Array;
  /** KDCs of each realm whose people may log in, ours among them: `192.0.2.1`, `kdc1.example:88`, `https://realm.example/KdcProxy`. */
  readonly realms: Readonly<Record<string, readonly string[]>>;
  /** Whom to believe that a KDC proxy is one. */
  readonly tls?: NonNullable<NodeClientOptions['tls']>;
}

const PATIENCE = 20_000;

/** The device's own name, as its keytab has it. Throws where there is none. */
export function ownName(keytab: Uint8Array): KeytabEntry {
  const own = readKeytab(keytab).find(({ name }) => name.nameString[0] === 'host');
  if (own === undefined) throw new Error('The keytab has no key of host/<name>.');
  return own;
}

export function kerberosLogIn({ keytab, realms, tls = {} }: KerberosOptions): LogIn {
  const device = ownName(keytab);
  // Neither a person at the page nor a KDC sends us to other servers than these; and every realm is our neighbour.
  const context = nodeClient({ realms, dns: false, settings: { capaths: () => [] }, tls });
  // What it is shown it has made itself, so nothing can come twice.
  const acceptor = { ...nodeAcceptor(keytab), replays: undefined };

  return async (user, password) => {
    const client = readUser(user, Object.keys(realms), device.realm);
    if ('result' in client) return client;
    const signal = AbortSignal.timeout(PATIENCE);
    let tgt: Credential | undefined;
    try {
      tgt = await getInitialTicket(context, { client, proof: { password }, signal });
      const { name, realm } = device;
      const { credential } = await getServiceTicket(context, tgt, { name, realm, signal });
      // Whoever runs a false KDC can know the password, but not our key: only a ticket that opens with it says who this is. By our own clock: the one
      // that the KDC told us would let an old ticket live again.
      const { message } = makeApReq(context.crypto, context.clock, credential);
      const verified = verifyApReq(acceptor, message);
      const right = loginRight(acceptor.crypto, verified);
      const principal = showPrincipal(verified.client);
      if (right === undefined) return { ...NO_RIGHT, principal };
      return { result: 'granted', principal, right, expires: verified.ticket.endtime * 1000 };
    } catch (error) {
      return failure(error, client, tgt);
    }
  };
}

/** `REALM\user`, `user@REALM`, or a name of our own realm. Realm names are case-sensitive: who writes one another way is told its name. */
function readUser(text: string, realms: readonly string[], own: string): Principal | LoginResult {
  const typed = text.trim();
  const backslash = typed.indexOf('\\');
  const at = typed.lastIndexOf('@');
  const [realm, user] =
    backslash >= 0
      ? [typed.slice(0, backslash), typed.slice(backslash + 1)]
      : at >= 0
        ? [typed.slice(at + 1), typed.slice(0, at)]
        : [own, typed];
  const meant = realms.find((one) => one.toLowerCase() === realm.toLowerCase());
  if (meant === undefined || user === '')
    return refused('No realm of that name logs in here.', 'Write REALM\\user or user@REALM.');
  if (meant === realm) return { realm, name: nameOf(user) };
  return {
    result: 'realm_hint',
    realm: meant,
    message: `The realm is called ${meant}.`,
    hint: 'Write it so.',
  };
}

/** What an error means for the person; where there is a `tgt`, their password was right. */
function failure(error: unknown, client: Principal, tgt: Credential | undefined): LoginResult {
  if (error instanceof DOMException) return { result: 'unreachable', ...SLOW };
  if (!(error instanceof RealmwardError)) throw error;
  const { code, message, hint = '' } = error;
  const told = { message, hint };
  const offset = Math.round((tgt?.clockOffset ?? 0) / 1_000_000);
  if (error instanceof ApError) {
    if (code === 'ticket-not-yet-valid' || code === 'ticket-expired')
      return { result: 'clock', offset, ...told };
    return refused(`Whoever answered is not the realm of this device. ${message}`, hint);
  }
  if (error instanceof ClientError && (code === 'no-answer' || code === 'no-servers'))
    return { result: 'unreachable', ...SILENT };
  if (!(error instanceof KerberosError)) return refused(message, hint);
  switch (code) {
    case 'kdc-err-preauth-failed':
    case 'kdc-err-c-principal-unknown':
      // One answer for both: who has an account is nobody's business.
      return refused(
        'The password is wrong, or the account does not exist.',
        'Check name, realm and keyboard layout.',
      );
    case 'kdc-err-client-revoked':
    case 'kdc-err-name-exp':
      return { result: 'locked', ...told };
    case 'kdc-err-key-expired':
      return { result: 'expired_password', ...told };
    case 'kdc-err-svc-unavailable':
      return { result: 'unreachable', ...told };
    case 'kdc-err-policy':
      // The realm has no ticket for this device for whoever may do nothing with it.
      return tgt === undefined ? refused(message, hint) : { ...NO_RIGHT, principal: showPrincipal(client) };
    default:
      return refused(message, hint);
  }
}

function refused(message: string, hint: string): LoginResult {
  return { result: 'refused', message, hint };
}

const NO_RIGHT = {
  result: 'no_right',
  groups: [],
  message: 'The password is right, but the account has no right on devices of this realm.',
  hint: 'The log of the realm says which groups it has received.',
} as const;

const SILENT = {
  message: 'No server of the realm answers.',
  hint: 'Check the network between the device and the realm.',
};
const SLOW = { message: 'The servers of the realm take too long.', hint: 'Try again later.' };
