/**
 * The Kerberos client: a library of plain functions over what it is given. Runs without Node; `client/node.ts` gives it Node's sockets.
 *
 * ```ts
 * const context = nodeClient({ realms: { 'AD.EXAMPLE.TEST': ['127.0.0.2:10088', 'https://proxy.test/KdcProxy'] } }); // client/node.ts; left out: DNS
 * const tgt = await getInitialTicket(context, { client: parsePrincipal('alice@AD.EXAMPLE.TEST'), proof: { password } });
 * const { credential, path } = await getServiceTicket(context, tgt, { name: nameOf('host', 'device1.realm1.example'), realm: 'REALM1' });
 * const sent = makeApReq(context.crypto, clockOf(context, credential), credential, { mutual: true });                  // src/ap/
 * verifyApRep(context.crypto, sent, await speakTo(service, sent.message));
 * await writeFile('ccache', writeCcache(toCcache([tgt, ...path, credential])));                               // codec/ccache.ts
 * ```
 *
 * - A device that was shown a ticket: `verifyApReq` (src/ap/), with `nodeAcceptor` of client/node.ts; then `loginRight` says what its owner may do there.
 * - A referral ticket of its own: `getServiceTicket(context, tgt, { name: krbtgt('REALM1'), realm: 'AD.EXAMPLE.TEST' })`.
 * - A web server that speaks Kerberos: `negotiate(context, tgt, 'device1.realm1.example')` makes the header field of a request, and verifies the answer's.
 * - A new password: `changePassword(context, { client, password, newPassword })`, which throws `PasswordRefused` with what the server says.
 * - `observe` of the context is told each step: request, clock, preauth, error, referral, ticket; `observe` of a sender where the servers come
 *   from, which one was asked over what, and how long it took. `nodeClient`'s own is told both.
 * - Elsewhere than in Node: `portableClient` of client/portable.ts, over KDC proxies; or `createSender` with a `Network` and a `Timer` of one's own, or any
 *   `Send`; `portableCrypto` of crypto/portable.ts.
 * - Two things are thrown: `KerberosError` is what a KDC says (`errorCode`, `errorName`, `eText`, `ntStatus` of AD; a sentence and a hint),
 *   `ClientError` what we say ourselves (a closed union of codes). Both are `RealmwardError`s.
 */
export { indicatorsOf } from '../ap/indicators.ts';
export { type Principal, samePrincipal, showPrincipal } from '../ap/principal.ts';
export { ApError, type ApReason } from '../ap/reason.ts';
export { getInitialTicket, type InitialRequest } from './as.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { ClientContext, ClientEvent, ClientSettings, Exchange, Send, SendOptions } from './context.ts';
export { clockOf, type Credential, fromCcache, grantingRealm, toCcache } from './credential.ts';
export { isKdcError, KerberosError } from './kerberos-error.ts';
export {
  createSender,
  type Network,
  type Outcome,
  type SenderEvent,
  type SenderOptions,
  type Target,
  type Timer,
} from './failover.ts';
export {
  createLocator,
  type Locate,
  type Located,
  type LocatorOptions,
  type RealmServers,
  type ServiceDns,
  type ServiceKind,
} from './locate.ts';
export {
  type Fetch,
  fetchNetwork,
  type FetchReader,
  type FetchRequest,
  type FetchResponse,
} from './fetch.ts';
export { enterprisePrincipal, krbtgt, nameOf, parsePrincipal } from './names.ts';
export { negotiate, type Negotiation, type NegotiationOptions } from './negotiate.ts';
export {
  CHANGEPW,
  changePassword,
  type PasswordChange,
  type PasswordSetting,
  setPassword,
} from './password.ts';
export { PasswordRefused } from './password-refused.ts';
export type { Proof } from './proof.ts';
export { loginRight } from './right.ts';
export { type Server, showServer, type Transport } from './server.ts';
export { getServiceTicket, renewTicket, type ServiceRequest, type ServiceTicket } from './services.ts';
