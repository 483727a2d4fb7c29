import type { ReasonCode } from './reason.ts';

/** What the KDC tells about each request that it answered or dropped: one log line (docs/events.md). No secret is ever part of it. */
export interface KdcEvent {
  readonly exchange: 'AS' | 'TGS' | 'unknown';
  /** `challenged`: the client was told which preauthentication is needed, an ordinary step of each login. */
  readonly outcome: 'issued' | 'challenged' | 'refused' | 'dropped';
  /** Why, for everything but `issued`. */
  readonly reason: ReasonCode | undefined;
  /** One sentence more than the reason's own, with the particulars. */
  readonly detail: string | undefined;
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  /** `name@REALM`, as far as the request named one. */
  readonly client: string | undefined;
  readonly server: string | undefined;
  /** The realm that has the service, to which the client was referred: the ticket is for that realm's ticket-granting service. */
  readonly referredTo: string | undefined;
  /** Etypes the client offered, in its order. */
  readonly offered: readonly number[] | undefined;
  /** Etypes of the ticket, its session key and the reply. */
  readonly ticketEtype: number | undefined;
  readonly sessionEtype: number | undefined;
  readonly replyEtype: number | undefined;
  /** The right that stands in the ticket; two, with a comma between, for who may log in and join devices. */
  readonly right: string | undefined;
  /** Of a trusted realm's user: the groups that its PAC brought and that count, as SIDs with spaces between. */
  readonly groups: string | undefined;
  /** Of a trust that is report-only: the right that would have been granted, or `none`. */
  readonly wouldGrant: string | undefined;
}
