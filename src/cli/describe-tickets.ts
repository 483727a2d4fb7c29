import { isoTime } from '../app/iso-time.ts';
import { type Credential, showPrincipal } from '../client/index.ts';
import { ETYPES, TICKET_FLAGS } from '../codec/explain/names.ts';
import { fields, printable } from './table.ts';
import { showIso } from './when.ts';

/** A ticket for scripts; `null`: there is none. */
interface TicketView {
  readonly server: string;
  readonly client: string;
  readonly sessionEtype: string;
  readonly ticketEtype: string;
  readonly kvno: number | null;
  readonly flags: readonly string[];
  readonly start: string;
  readonly end: string;
  readonly renewTill: string | null;
  /** Seconds by which the KDC's clock is ahead of ours, where that counts. */
  readonly clockOffset: number;
}

export function ticketViews(tickets: readonly Credential[]): TicketView[] {
  return tickets.map(
    ({ client, server, key, ticket, flags, starttime, endtime, renewTill, clockOffset }) => ({
      server: showPrincipal(server),
      client: showPrincipal(client),
      sessionEtype: etype(key.etype),
      ticketEtype: etype(ticket.encPart.etype),
      kvno: ticket.encPart.kvno ?? null,
      flags: [...TICKET_FLAGS].filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name),
      start: isoTime(starttime),
      end: isoTime(endtime),
      renewTill: isoTime(renewTill),
      clockOffset: Math.round(clockOffset / 1000) / 1000,
    }),
  );
}

/** Tickets for people, as `klist -fe` shows them. */
export function describeTickets(tickets: readonly Credential[]): string {
  return ticketViews(tickets)
    .map((ticket) => {
      const { server, client, sessionEtype, ticketEtype, kvno, flags, start, end, renewTill } = ticket;
      const details = fields({
        client: printable(client),
        'session key': sessionEtype,
        'made with': `${ticketEtype}${kvno === null ? '' : `, key version ${kvno}`}`,
        flags: flags.join(', ') || 'none',
        valid: `${showIso(start)} to ${showIso(end)}`,
        'renewable until': showIso(renewTill),
      });
      return `${printable(server)}\n${details.replaceAll(/^/gm, '  ')}`;
    })
    .join('\n');
}

function etype(type: number): string {
  return ETYPES.get(type) ?? `encryption type ${type}`;
}
