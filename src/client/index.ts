/**
 * The Kerberos client: a library of plain functions over what it is given. Runs without Node; `client/node.ts` gives it Node's sockets.
 *
 * ```ts
 * const context = nodeClient({ realms: { 'AD.EXAMPLE.TEST': ['127.0.0.2:10088'] } });      // client/node.ts; left out: DNS
 * const tgt = await getInitialTicket(context, { client: parsePrincipal('alice@AD.EXAMPLE.TEST'), proof: { password } });
 * const { credential, path } = await getServiceTicket(context, tgt, { name: nameOf('host', 'device1.realm1.example'), realm: 'REALM1' });
 * const { message, ...sent } = makeApReq(context.crypto, context.clock, credential, { mutual: true });                 // src/ap/
 * await writeFile('ccache', writeCcache(toCcache([tgt, ...path, credential])));                               // codec/ccache.ts
 * ```
 *
 * - A referral ticket of its own: `getServiceTicket(context, tgt, { name: krbtgt('REALM1'), realm: 'AD.EXAMPLE.TEST' })`.
 * - `context.observe` is told each step: request, clock, preauth, error, referral, ticket. The sender's own steps (where the servers come from,
 *   which one was asked over what and how long it took) go to `observe` of its options.
 * - Two things are thrown: `KerberosError` is what a KDC says (`errorCode`, `errorName`, `eText`, a sentence and a hint), `ClientError` what we
 *   say ourselves (a closed union of codes). Both are `RealmwardError`s.
 */
export { type Principal, samePrincipal, showPrincipal } from '../ap/principal.ts';
export { getInitialTicket, type InitialRequest } from './as.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { ClientContext, ClientEvent, ClientSettings, Exchange, Send } from './context.ts';
export { type Credential, fromCcache, grantingRealm, toCcache } from './credential.ts';
export { isKdcError, KerberosError } from './kerberos-error.ts';
export { enterprisePrincipal, krbtgt, nameOf, parsePrincipal } from './names.ts';
export type { Proof } from './proof.ts';
export { getServiceTicket, renewTicket, type ServiceRequest, type ServiceTicket } from './services.ts';
