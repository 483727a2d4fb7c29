import { etypeName } from '../crypto/etypes.ts';
import type { KdcEvent } from '../kdc/event.ts';
import { reasonRow } from '../kdc/reason.ts';
import type { KpasswdEvent } from '../kpasswd/event.ts';
import { kpasswdReasonRow } from '../kpasswd/reason.ts';
import type { LineFields, Log } from '../ops/log.ts';

/** Writes the line of a request: what happened as a sentence, and the event's fields. */
export function logKdcEvent(log: Pick<Log, 'line'>, event: KdcEvent): void {
  const { reason, ticketEtype, sessionEtype, replyEtype } = event;
  const row = reason === undefined ? undefined : reasonRow(reason);
  log.line(row?.level ?? 'info', {
    msg: row?.text ?? 'A ticket was issued.',
    exchange: event.exchange,
    outcome: event.outcome,
    reason,
    detail: event.detail,
    client: event.client,
    server: event.server,
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

const DEEDS: Readonly<Record<KpasswdEvent['outcome'], string>> = {
  changed: 'A user changed the own password.',
  set: 'A password was set for somebody else.',
  joined: 'A device joined the realm.',
  refused: 'A new password was refused.',
  dropped: 'A message was dropped.',
};

function name(etype: number | undefined): string | undefined {
  return etype === undefined ? undefined : etypeName(etype);
}
