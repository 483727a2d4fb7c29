import { RealmwardError } from '../base/errors.ts';

/** `https`: through a KDC proxy (MS-KKDCP). */
export type Transport = 'udp' | 'tcp' | 'https';

/** A server by host name or IP address, and the transports to try, in order. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly transports: readonly Transport[];
  /** Where a KDC proxy takes messages; its `transports` are `https` alone, and nobody else has a URL. */
  readonly url?: string;
}

/** A server as it is written in a list: `kdc1.example:88`, `[2001:db8::1]:88`, `https://proxy.example/KdcProxy`. */
export function showServer({ host, port, url }: Pick<Server, 'host' | 'port' | 'url'>): string {
  return url ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Reads one server's text; `port` stands where it gives none. A KDC proxy is a URL, whose path is `/KdcProxy` where it has none. Throws
 * `RealmwardError` `bad-server`.
 */
export function parseServer(text: string, port: number): Server {
  if (/^\w+:\/\//.test(text)) return parseProxy(text);
  const { groups = {} } =
    /^(?<tcp>tcp\/)?(?:\[(?<v6>[0-9A-Fa-f:.]+(?:%[\w.]+)?)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?$/.exec(
      text,
    ) ?? {};
  const host = groups['v6'] ?? groups['host'];
  const number = groups['port'] === undefined ? port : Number(groups['port']);
  if (host === undefined || number < 1 || number > 65_535) {
    return bad(
      text,
      'Write kdc1.example:88, 192.0.2.1:88 or [2001:db8::1]:88; the port may be left out. A KDC proxy is https://proxy.example/KdcProxy.',
    );
  }
  return { host, port: number, transports: groups['tcp'] === undefined ? ['udp', 'tcp'] : ['tcp'] };
}

const HTTPS_PORT = 443;

/** Nothing that identifies somebody, and nothing behind the path: what a proxy is asked stands in the message. */
function parseProxy(text: string): Server {
  const { groups = {} } =
    /^https:\/\/(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?(?<path>\/[\w.~!$&'()*+,;=:@%/-]*)?$/i.exec(
      text,
    ) ?? {};
  const host = groups['v6'] ?? groups['host'];
  const port = Number(groups['port'] ?? HTTPS_PORT);
  if (host === undefined || port < 1 || port > 65_535 || text.length > 1000)
    return bad(text, 'A KDC proxy is written as https://proxy.example/KdcProxy; http:// is not accepted.');
  const path = groups['path'] ?? '/';
  const authority = `${host.includes(':') ? `[${host}]` : host}${port === HTTPS_PORT ? '' : `:${port}`}`;
  const url = `https://${authority}${path === '/' ? '/KdcProxy' : path}`;
  return { host, port, transports: ['https'], url };
}

function bad(text: string, hint: string): never {
  throw new RealmwardError('bad-server', `"${text.slice(0, 100)}" is not the address of a server`, { hint });
}
