import { RealmwardError } from '../base/errors.ts';

export type Transport = 'udp' | 'tcp';

/** A server by host name or IP address, and the transports to try, in order. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly transports: readonly Transport[];
}

/** Reads one server's text; `port` stands where it gives none. Throws `RealmwardError` `bad-server`. */
export function parseServer(text: string, port: number): Server {
  const { groups = {} } =
    /^(?<tcp>tcp\/)?(?:\[(?<v6>[0-9A-Fa-f:.]+(?:%[\w.]+)?)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?$/.exec(
      text,
    ) ?? {};
  const host = groups['v6'] ?? groups['host'];
  const number = groups['port'] === undefined ? port : Number(groups['port']);
  if (host === undefined || number < 1 || number > 65_535) {
    throw new RealmwardError('bad-server', `"${text.slice(0, 100)}" is not the address of a server`, {
      hint: 'Write kdc1.example:88, 192.0.2.1:88 or [2001:db8::1]:88; the port may be left out.',
    });
  }
  return { host, port: number, transports: groups['tcp'] === undefined ? ['udp', 'tcp'] : ['tcp'] };
}
