/** What a verified request may do, and does. */
import { samePrincipal, showPrincipal } from '../ap/principal.ts';
import { deviceHost } from '../accounts/device-host.ts';
import { joinDevice } from '../accounts/devices.ts';
import { passwordKeys } from '../accounts/keys.ts';
import { checkPassword } from '../accounts/password.ts';
import { setPassword } from '../accounts/users.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds } from '../base/ports.ts';
import type { RecentMap } from '../base/recent-map.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { deviceNames } from '../realm/device.ts';
import { formatName, MAX_NAME_LENGTH } from '../realm/name.ts';
import type { Principal } from '../realm/principal.ts';
import { TicketFlag } from '../spec/flags.ts';
import type { KpasswdEvent } from './event.ts';
import type { KpasswdOptions, KpasswdOrigin } from './realm.ts';
import type { Sender, Wish } from './receive.ts';
import { refuse } from './refusal.ts';

/** What was done. */
export type Deed = Exclude<KpasswdEvent['outcome'], 'refused' | 'dropped'>;

/** The kvno that the last change with a ticket gave its owner, by the ticket's tag. */
export type OwnChanges = RecentMap<string, number>;

/** Shortest password that a device may have, in characters: everybody may get tickets made with it, and try passwords on them at home. */
const MIN_DEVICE_PASSWORD = 16;

/** Does what the sender wishes, if it may. Throws `KpasswdRefusal`. */
export async function carryOut(
  options: KpasswdOptions,
  changes: OwnChanges,
  sender: Sender,
  wish: Wish,
  origin: KpasswdOrigin,
): Promise<Deed> {
  const { client } = sender.ap;
  const account = await findClient(options, changes, sender);
  const target = wish.target ?? client;
  if (samePrincipal(target, client)) return changeOwn(options, changes, sender, account, wish);
  if (target.realm !== options.accounts.realm) refuse('kpasswd-other-realm', `It is ${target.realm}.`);
  return setOther(options, sender, account, target.name, wish, origin);
}

/** The account that the ticket speaks for: looked up again, a ticket outlives neither its account nor the account's good standing. */
async function findClient(
  { accounts }: KpasswdOptions,
  changes: OwnChanges,
  { ap, ticketTag }: Sender,
): Promise<Principal> {
  const { client, ticket } = ap;
  if (client.realm !== accounts.realm) refuse('kpasswd-foreign-client', `It is ${client.realm}.`);
  const account = await find(accounts, client.name);
  const now = nowSeconds(accounts.clock);
  if (account === undefined || account.kind !== 'user' || account.disabled) refuse('kpasswd-client-refused');
  if (account.expires !== undefined && account.expires <= now) refuse('kpasswd-client-refused');
  // Whoever has a ticket from before the password was changed knew the old one; and an account made anew under an old name is another one
  // (CVE-2021-42287). The very ticket that the password was changed with may come again: its client has perhaps not got our answer.
  const { passwordChanged } = account;
  const isOlder = ticket.authtime < passwordChanged && passwordChanged <= now;
  if (isOlder && !hasChanged(changes, ticketTag, account)) refuse('kpasswd-stale-ticket');
  return account;
}

async function changeOwn(
  { accounts }: KpasswdOptions,
  changes: OwnChanges,
  { ap, ticketTag }: Sender,
  account: Principal,
  wish: Wish,
): Promise<Deed> {
  if ((ap.ticket.flags & TicketFlag.INITIAL) === 0) refuse('kpasswd-not-initial');
  try {
    const after = await setPassword(accounts, account.name, textOf(wish), { another: true });
    changes.set(ticketTag, after.keys[0]?.kvno ?? 0);
  } catch (error) {
    if (!isCode(error, 'same-password')) throw acceptable(error);
    // The same request once more: it has been done.
    if (!hasChanged(changes, ticketTag, account)) throw acceptable(error);
  }
  return 'changed';
}

async function setOther(
  options: KpasswdOptions,
  sender: Sender,
  account: Principal,
  name: PrincipalName,
  wish: Wish,
  origin: KpasswdOrigin,
): Promise<Deed> {
  const { accounts } = options;
  const [first, host, ...more] = name.nameString;
  const newHost = first === 'host' && more.length === 0 ? host : undefined;
  const mayJoin = account.right === 'Join-Realm' && newHost !== undefined;
  // Before anything is looked up, so that nobody learns here who exists.
  if (account.right !== 'Administrator' && !mayJoin) refuse('kpasswd-not-allowed');
  const { passwordExpires } = account;
  if (passwordExpires !== undefined && passwordExpires <= nowSeconds(accounts.clock))
    refuse('kpasswd-own-first');
  if (newHost !== undefined) return join(options, sender, newHost, textOf(wish), origin);
  const existing = await find(accounts, name);
  if (existing === undefined) refuse('kpasswd-unknown-target');
  if (existing.kind !== 'user') refuse('kpasswd-not-a-user');
  try {
    await setPassword(accounts, existing.name, textOf(wish));
  } catch (error) {
    throw acceptable(error);
  }
  return 'set';
}

/**
 * Our extension of RFC 3244: whoever may join devices sets the key of a `host/` principal that does not exist yet. It never takes over a device
 * that has joined, not even for an Administrator. The device makes the same keys of the same password, with the default salt of that very name.
 */
async function join(
  { accounts }: KpasswdOptions,
  { ap, ticketTag }: Sender,
  host: string,
  password: string,
  origin: KpasswdOrigin,
): Promise<Deed> {
  checkDevicePassword(password);
  try {
    const canonical = deviceHost(host, accounts.reservedHosts);
    if (canonical !== host) refuse('kpasswd-device-name', `Write host/${canonical}.`);
    const keys = await passwordKeys(accounts, deviceNames.host(host), password);
    const by = { kind: 'join-account', name: showPrincipal(ap.client) } as const;
    // A client that has not got our answer asks again, with the same ticket.
    await joinDevice(accounts, by, { host, keys, from: origin.address, requestId: `kpasswd ${ticketTag}` });
  } catch (error) {
    if (isCode(error, 'bad-host', 'reserved-name')) refuse('kpasswd-device-name', detailOf(error));
    if (isCode(error, ...TAKEN)) refuse('kpasswd-device-exists', detailOf(error));
    throw error;
  }
  return 'joined';
}

/** What `joinDevice` says of a name that is not free. */
const TAKEN = ['already-joined', 'exists', 'device-disabled', 'wrong-kind', 'request-id-reused'];

function checkDevicePassword(password: string): void {
  try {
    checkPassword(password);
  } catch (error) {
    throw acceptable(error);
  }
  const { length } = password;
  if (length >= MIN_DEVICE_PASSWORD) return;
  refuse(
    'kpasswd-unacceptable',
    `That of a device has at least ${MIN_DEVICE_PASSWORD} characters, made at random; this one has ${length}.`,
  );
}

/** The account of that name, exactly as it is written. */
async function find(
  { principals }: KpasswdOptions['accounts'],
  { nameString }: PrincipalName,
): Promise<Principal | undefined> {
  const name = formatName(nameString);
  return name === '' || name.length > MAX_NAME_LENGTH ? undefined : principals.find(name);
}

function hasChanged(changes: OwnChanges, ticketTag: string, account: Principal): boolean {
  return changes.get(ticketTag) === account.keys[0]?.kvno;
}

function textOf({ password }: Wish): string {
  try {
    return fromUtf8(password);
  } catch {
    return refuse('kpasswd-unacceptable', 'It is not valid Unicode text in UTF-8.');
  }
}

/** What is wrong with a password is told; every other error stays what it is. */
function acceptable(error: unknown): unknown {
  if (isCode(error, 'bad-password', 'same-password')) refuse('kpasswd-unacceptable', detailOf(error));
  return error;
}

function isCode(error: unknown, ...codes: readonly string[]): error is RealmwardError {
  return error instanceof RealmwardError && codes.includes(error.code);
}

/** `the password is empty` with its hint, as sentences. */
function detailOf({ message, hint }: RealmwardError): string {
  const sentence = `${message[0]?.toUpperCase()}${message.slice(1)}.`;
  return hint === undefined ? sentence : `${sentence} ${hint}`;
}
