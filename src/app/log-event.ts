import { etypeName } from '../crypto/etypes.ts';
import { joinReasonRow } from '../join/reason.ts';
import { loginReasonRow } from '../login/reason.ts';
import type { LoginEvent } from '../login/routes.ts';
import type { JoinEvent } from '../join/routes.ts';
import type { WebEvent } from '../http/event.ts';
import type { KdcEvent } from '../kdc/event.ts';
import { reasonRow } from '../kdc/reason.ts';
import type { KpasswdEvent } from '../kpasswd/event.ts';
import { kpasswdReasonRow } from '../kpasswd/reason.ts';
import type { LineFields, Log } from '../ops/log.ts';

const REFERRED = 'The client was referred to the realm that has the service.';

/** Writes the line of a request: what happened as a sentence, and the event's fields. */
export function logKdcEvent(log: Pick<Log, 'line'>, event: KdcEvent): void {
  const { reason, ticketEtype, sessionEtype, replyEtype } = event;
  const row = reason === undefined ? undefined : reasonRow(reason);
  log.line(row?.level ?? 'info', {
    msg: row?.text ?? (event.referredTo === undefined ? 'A ticket was issued.' : REFERRED),
    exchange: event.exchange,
    outcome: event.outcome,
    reason,
    detail: event.detail,
    client: event.client,
    server: event.server,
    referredTo: event.referredTo,
    transport: event.transport,
    address: event.address,
    port: event.port,
    offered: event.offered,
    ticketEtype: name(ticketEtype),
    sessionEtype: name(sessionEtype),
    replyEtype: name(replyEtype),
    right: event.right,
    groups: event.groups,
    wouldGrant: event.wouldGrant,
  } satisfies LineFields);
}

/** Writes the line of a request for a new password. */
export function logKpasswdEvent(log: Pick<Log, 'line'>, event: KpasswdEvent): void {
  const { reason, outcome } = event;
  const row = reason === undefined ? undefined : kpasswdReasonRow(reason);
  log.line(row?.level ?? 'info', {
    msg: row?.text ?? DEEDS[outcome],
    exchange: 'kpasswd',
    outcome,
    reason,
    detail: event.detail,
    client: event.client,
    target: event.target,
    transport: event.transport,
    address: event.address,
    port: event.port,
  } satisfies LineFields);
}

/** Writes the line of an HTTP request. Those of health checks are for who looks closely. */
export function logWebEvent(log: Pick<Log, 'line' | 'logger'>, event: WebEvent): void {
  if (event.path === '/v1/health' && event.status === 200)
    return log.logger.debug({ ...event }, 'health was checked');
  const { status, tls } = event;
  log.line(status >= 500 || (!tls && status === 403) ? 'warn' : 'info', {
    msg: webSentence(event),
    exchange: 'HTTPS',
    method: event.method,
    path: event.path,
    status,
    error: event.error,
    reason: event.reason,
    detail: event.detail,
    caller: event.caller,
    milliseconds: event.milliseconds,
    transport: tls ? 'https' : 'http',
    address: event.address,
    port: event.port,
  } satisfies LineFields);
}

function webSentence({ status, tls }: WebEvent): string {
  if (!tls)
    return status === 308 ? 'A request without TLS was sent to HTTPS.' : 'A request without TLS was refused.';
  if (status < 400) return 'A request was answered.';
  return status < 500 ? 'A request was refused.' : 'A request failed.';
}

const DEEDS: Readonly<Record<KpasswdEvent['outcome'], string>> = {
  changed: 'A user changed their password.',
  set: 'A password was set for somebody else.',
  joined: 'A device joined the realm.',
  refused: 'A new password was refused.',
  dropped: 'A message was dropped.',
};

/** Writes the line of a request to join a device. */
export function logJoinEvent(log: Pick<Log, 'line'>, event: JoinEvent): void {
  const { reason, outcome, host } = event;
  const row = reason === undefined ? undefined : joinReasonRow(reason);
  log.line(row?.level ?? 'info', {
    msg: row?.text ?? JOINS[outcome],
    exchange: 'join',
    outcome,
    reason,
    detail: event.detail,
    client: event.by,
    target: host === '' ? undefined : `host/${host}`,
    kvno: event.kvno,
    transport: 'https',
    address: event.address,
  } satisfies LineFields);
}

const JOINS: Readonly<Record<JoinEvent['outcome'], string>> = {
  joined: 'A device joined the realm.',
  again: 'A device that had joined got new keys.',
  repeated: 'A join was answered once more.',
  refused: 'A join was refused.',
};

/** Writes the line of a login through this server. */
export function logLoginEvent(log: Pick<Log, 'line'>, event: LoginEvent): void {
  const { reason, result, device } = event;
  const row = loginReasonRow(reason);
  log.line(row?.level ?? 'info', {
    msg: row?.text ?? LOGINS[result] ?? `A login ended with "${result}".`,
    exchange: 'login',
    action: event.action,
    outcome: result,
    reason,
    detail: event.detail,
    client: event.user,
    target: device === undefined ? undefined : `host/${device}`,
    right: event.right,
    groups: event.groups,
    transport: 'https',
    address: event.address,
  } satisfies LineFields);
}

const LOGINS: Readonly<Record<string, string>> = {
  granted: 'A person logged in at a device.',
  changed: 'A person changed the own password.',
  rejected: 'A new password was not accepted.',
  started: 'A device began a login by page.',
  redeemed: 'A device got the result of a login by page.',
};

function name(etype: number | undefined): string | undefined {
  return etype === undefined ? undefined : etypeName(etype);
}
