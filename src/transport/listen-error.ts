import { isV6 } from '../base/address.ts';
import { RealmwardError } from '../base/errors.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { localAddresses } from './local-addresses.ts';
import { findPortHolder, type PortHolder } from './port-holder.ts';

/**
 * Why an address cannot be listened on, and what to do about it, from the system's error. Codes: `port-in-use`, `port-forbidden`,
 * `address-not-here`, `listen-failed`.
 */
export function listenError(
  cause: unknown,
  transport: 'udp' | 'tcp',
  endpoint: Endpoint,
  find: typeof findPortHolder = findPortHolder,
): RealmwardError {
  const where = `${transport.toUpperCase()} ${formatEndpoint(endpoint)}`;
  const error = cause as NodeJS.ErrnoException;
  switch (error.code) {
    case 'EADDRINUSE':
      return new RealmwardError(
        'port-in-use',
        `cannot listen on ${where}: ${describeHolder(find(transport, endpoint))}`,
        {
          hint: `Stop it, or choose another address or port. \`ss -lpn 'sport = :${endpoint.port}'\`, run as root, shows who holds the port.`,
          cause,
        },
      );
    case 'EACCES':
    case 'EPERM':
      return new RealmwardError(
        'port-forbidden',
        `cannot listen on ${where}: ${endpoint.port < 1024 ? 'ports below 1024 are reserved to root' : 'the system forbids it'}`,
        {
          hint:
            'Give the process the capability CAP_NET_BIND_SERVICE (in a systemd unit: AmbientCapabilities=CAP_NET_BIND_SERVICE), ' +
            'or choose a port above 1023.',
          cause,
        },
      );
    case 'EADDRNOTAVAIL':
      return new RealmwardError(
        'address-not-here',
        `cannot listen on ${where}: this machine does not have that address`,
        { hint: `It has ${localAddresses(isV6(endpoint.host)).join(', ') || 'none of that kind'}.`, cause },
      );
    case 'EAFNOSUPPORT':
      return new RealmwardError(
        'address-not-here',
        `cannot listen on ${where}: this machine has no ${isV6(endpoint.host) ? 'IPv6' : 'IPv4'}`,
        { hint: 'Take the address out of the list, or switch the protocol on.', cause },
      );
    default:
      return new RealmwardError('listen-failed', `cannot listen on ${where}: ${error.message}`, {
        hint: 'Check the address and the port.',
        cause,
      });
  }
}

function describeHolder(holder: PortHolder | undefined): string {
  if (holder === undefined) return 'another program holds it';
  if ('uid' in holder) return `a program of user ${holder.uid} holds it`;
  if (holder.pid === process.pid) return 'this very process holds it';
  return `${holder.program} (process ${holder.pid}) holds it`;
}
