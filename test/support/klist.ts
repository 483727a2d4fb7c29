/** One ticket as `klist -e -f` of MIT shows it. Times are epoch seconds. */
export interface ListedTicket {
  readonly server: string;
  readonly start: number;
  readonly end: number;
  readonly renewUntil: number | undefined;
  /** MIT's letters: F forwardable, f forwarded, P proxiable, p proxy, D may-postdate, d postdated, R renewable, I initial, i invalid, H, A preauthenticated, T transited checked, O ok-as-delegate, a anonymous. */
  readonly flags: string;
  readonly sessionEtype: string;
  readonly ticketEtype: string;
}

export interface CacheListing {
  readonly client: string;
  readonly tickets: readonly ListedTicket[];
  /** The ticket for `server`, given with or without realm. Throws where there is none. */
  ticket(server: string): ListedTicket;
}

/** Reads the output of MIT's `klist -e -f`, run in the C locale with time zone UTC. */
export function parseKlist(output: string): CacheListing {
  const client = /^Default principal: (.+)$/m.exec(output)?.[1] ?? '';
  const tickets: ListedTicket[] = [];
  const entry = new RegExp(
    `^(${TIME}) +(${TIME}) +(\\S+)\\n((?:[\\t ]+.*\\n?)*)`.replaceAll(' +', '\\s+'),
    'gm',
  );
  for (const [, start = '', end = '', server = '', details = ''] of output.matchAll(entry)) {
    const renew = new RegExp(`renew until (${TIME})`).exec(details)?.[1];
    const etypes = /Etype \(skey, tkt\): ([^,]+), (\S+)/.exec(details);
    tickets.push({
      server,
      start: seconds(start),
      end: seconds(end),
      renewUntil: renew === undefined ? undefined : seconds(renew),
      flags: /Flags: (\w+)/.exec(details)?.[1] ?? '',
      sessionEtype: etypes?.[1] ?? '',
      ticketEtype: etypes?.[2] ?? '',
    });
  }
  return {
    client,
    tickets,
    ticket: (server) => {
      const found = tickets.find(
        (ticket) => ticket.server === server || ticket.server.startsWith(`${server}@`),
      );
      if (found === undefined) throw new Error(`no ticket for ${server} in:\n${output}`);
      return found;
    },
  };
}

const TIME = String.raw`\d\d/\d\d/\d\d \d\d:\d\d:\d\d`;

/** Epoch seconds of `MM/DD/YY HH:MM:SS`, UTC. */
function seconds(text: string): number {
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = text.split(/\D/).map(Number);
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second) / 1000;
}
