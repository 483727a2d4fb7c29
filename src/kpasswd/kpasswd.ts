/** RFC 3244: the service at which passwords are changed. */
import { samePrincipal, showPrincipal } from '../ap/principal.ts';
import { createReplayCache, type ReplayCache } from '../ap/replay-cache.ts';
import type { ServiceKey } from '../ap/verify-ap-req.ts';
import { KADMIN_CHANGEPW } from '../accounts/realm-principals.ts';
import { RealmwardError } from '../base/errors.ts';
import { RecentMap } from '../base/recent-map.ts';
import { decodeKpasswdRequest, type KpasswdRequest } from '../codec/kpasswd.ts';
import { parseName } from '../realm/name.ts';
import { NotInMemory } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import { KpasswdResult, KpasswdVersion } from '../spec/kpasswd.ts';
import { NameType } from '../spec/name-types.ts';
import { carryOut, type Deed, type OwnChanges } from './change.ts';
import { createQueue, type Queue } from './queue.ts';
import type { KpasswdOptions, KpasswdOrigin } from './realm.ts';
import { kpasswdReasonRow } from './reason.ts';
import { openWish, type Sender, verifySender, type Wish } from './receive.ts';
import { KpasswdRefusal, refuse } from './refusal.ts';
import { outcome, signedReply, unsignedReply } from './reply.ts';

/** The password service: bytes in, bytes out; `undefined` where silence is the answer. Never rejects. */
export type Kpasswd = (request: Uint8Array, origin: KpasswdOrigin) => Promise<Uint8Array | undefined>;

/**
 * Changes that wait, and those of one client among them: to make the keys of a password takes some 20 milliseconds, and one is made at a time,
 * so that tickets are not late because passwords are changed. A client that asks over UDP and then over TCP has two requests there.
 */
const QUEUE = { waiting: 128, perClient: 4 };

/** How many tickets are remembered for the change that they made. They live for five minutes. */
const MAX_CHANGES = 4096;

/** Makes the password service of a realm. What it keeps is memories that may be lost at any time. */
export function createKpasswd(options: KpasswdOptions): Kpasswd {
  const { clockSkew, accounts } = options;
  const service: Service = {
    ...options,
    replays: createReplayCache({ clockSkew, since: accounts.clock.microseconds() }),
    changes: new RecentMap(MAX_CHANGES),
    queue: createQueue(QUEUE),
  };
  return (request, origin) => answer(service, request, origin);
}

interface Service extends KpasswdOptions {
  readonly replays: ReplayCache;
  readonly changes: OwnChanges;
  readonly queue: Queue;
}

/** What is known about a request so far. */
interface Known {
  request?: KpasswdRequest;
  sender?: Sender;
  wish?: Wish;
}

async function answer(
  service: Service,
  bytes: Uint8Array,
  origin: KpasswdOrigin,
): Promise<Uint8Array | undefined> {
  const known: Known = {};
  try {
    const deed = await work(service, known, bytes, origin);
    observe(service, known, origin, deed);
    const result = outcome(KpasswdResult.SUCCESS, SENTENCES[deed]);
    return signedReply(service, known.sender as Sender, result, origin);
  } catch (error) {
    const refusal = asRefusal(error);
    observe(service, known, origin, refusal);
    return refused(service, known, refusal, origin);
  } finally {
    known.wish?.password.fill(0);
  }
}

const SENTENCES: Readonly<Record<Deed, string>> = {
  changed: 'The password was changed.',
  set: 'The password was set.',
  joined: 'The device has joined the realm.',
};

async function work(service: Service, known: Known, bytes: Uint8Array, origin: KpasswdOrigin): Promise<Deed> {
  const request = (known.request = decodeKpasswdRequest(bytes));
  const { version } = request;
  if (version !== KpasswdVersion.CHANGE && version !== KpasswdVersion.SET)
    refuse('kpasswd-version', `It has the version 0x${version.toString(16).padStart(4, '0')}.`);
  const keys = await changepwKeys(service);
  const sender = (known.sender = verifySender(service, keys, service.replays, request.apReq, origin));
  const wish = (known.wish = openWish(service, sender, request));
  const done = service.queue.run(showPrincipal(sender.ap.client), () =>
    carryOut(service, service.changes, sender, wish, origin),
  );
  return done ?? refuse('kpasswd-busy');
}

/** The keys of kadmin/changepw, of which no ticket was made with another principal's. */
async function changepwKeys({ directory, accounts }: Service): Promise<ServiceKey[]> {
  const principal = await fromDirectory(directory);
  const name = { nameType: NameType.SRV_INST, nameString: parseName(KADMIN_CHANGEPW) };
  return (principal?.keys ?? []).map(({ kvno, key }) => ({ realm: accounts.realm, name, kvno, key }));
}

async function fromDirectory(directory: Service['directory']): Promise<Principal | undefined> {
  for (let loads = 0; ; loads++) {
    try {
      return directory.get(KADMIN_CHANGEPW);
    } catch (missing) {
      if (!(missing instanceof NotInMemory) || loads === MAX_LOADS) throw missing;
      await directory.load(KADMIN_CHANGEPW);
    }
  }
}

const MAX_LOADS = 3;

function asRefusal(error: unknown): KpasswdRefusal {
  if (error instanceof KpasswdRefusal) return error;
  if (error instanceof RealmwardError && error.code === 'bad-kpasswd')
    return new KpasswdRefusal('kpasswd-not-a-request', error.message);
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new KpasswdRefusal('kpasswd-internal-error', detail);
}

/** "The server will respond with a KRB-PRIV message unless it cannot decode the client AP-REQ or KRB-PRIV message". */
function refused(
  service: Service,
  { request, sender }: Known,
  { reason, detail, wire }: KpasswdRefusal,
  origin: KpasswdOrigin,
): Uint8Array | undefined {
  const { result, text, told } = kpasswdReasonRow(reason);
  if (request === undefined || result === undefined) return undefined;
  const said = outcome(result, told ?? (detail === undefined ? text : `${text} ${detail}`));
  return sender === undefined || reason === 'kpasswd-data-integrity'
    ? unsignedReply(service, request.version, said, wire)
    : signedReply(service, sender, said, origin);
}

/** The one place from which events come. */
function observe(
  { observe }: Service,
  { sender, wish }: Known,
  { transport, address, port }: KpasswdOrigin,
  result: Deed | KpasswdRefusal,
): void {
  const refusal = result instanceof KpasswdRefusal ? result : undefined;
  const client = sender?.ap.client;
  const target = wish?.target;
  const dropped = refusal?.reason === 'kpasswd-not-a-request';
  observe({
    outcome: result instanceof KpasswdRefusal ? (dropped ? 'dropped' : 'refused') : result,
    reason: refusal?.reason,
    detail: refusal?.detail,
    transport,
    address,
    port,
    client: client && showPrincipal(client),
    target: target && client && !samePrincipal(target, client) ? showPrincipal(target) : undefined,
  });
}
