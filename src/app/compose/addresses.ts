import { isIP } from 'node:net';
import { isV6 } from '../../base/address.ts';
import { formatEndpoint, isWildcard, type Endpoint } from '../../transport/endpoint.ts';

/**
 * Where clients find what listens on these endpoints, as `host:port`: an endpoint with an address of its own is found there, one that stands for all
 * addresses by the names that the server goes by.
 */
export function clientAddresses(listening: readonly Endpoint[], names: readonly string[]): string[] {
  const found = listening.flatMap(({ host, port }) =>
    isWildcard(host)
      ? names.filter((name) => fits(name, host)).map((name) => ({ host: name, port }))
      : [{ host, port }],
  );
  return [...new Set(found.map(formatEndpoint))];
}

/** The beginnings of the URLs of an HTTPS server: always by its names, as these stand in its certificate. */
export function httpsUrls(listening: readonly Endpoint[], names: readonly string[]): string[] {
  const urls = names.flatMap((name) =>
    listening
      .filter(({ host }) => fits(name, host))
      .map(
        ({ port }) => `https://${name.includes(':') ? `[${name}]` : name}${port === 443 ? '' : `:${port}`}`,
      ),
  );
  return [...new Set(urls)];
}

/** Whether a name, or an address of that family, can lead to what listens on `host`. */
function fits(name: string, host: string): boolean {
  return isIP(name) === 0 || isV6(name) === isV6(host);
}
