import { RealmwardError } from '../base/errors.ts';

const MAX_HOST = 253;
const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
/** Names that every machine has for itself. */
const EVERYWHERE: readonly string[] = ['localhost', 'localhost.localdomain'];

/**
 * The canonical host name of a device: in lower case, as clients write the names of hosts in those of services; parts of letters, digits, `-` and
 * `_`, apart by dots, as in DNS. A serial number mostly is one. Throws `RealmwardError` `bad-host`, and `reserved-name` for one of `reserved`.
 */
export function deviceHost(text: string, reserved: readonly string[]): string {
  // ASCII alone: lower case of other letters depends on who writes it, and they look like each other.
  const host = /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : text;
  if (host.length > MAX_HOST)
    throw badHost(`it has ${host.length} characters, of which ${MAX_HOST} are allowed`);
  if (!host.split('.').every((label) => LABEL.test(label)))
    throw badHost(
      'its parts may have 63 letters (a to z), digits, "-" and "_", and begin and end with a letter or digit',
    );
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) throw badHost('it is an address');
  if (EVERYWHERE.includes(host) || reserved.includes(host)) {
    throw new RealmwardError(
      'reserved-name',
      `no device can be called "${host}": it is a name of the realm's server`,
      {
        hint: 'Give the device a name of its own, such as its serial number.',
      },
    );
  }
  return host;
}

/** The same for a device that an operator names: also by its principal, `host/phone1` or `host/phone1@REALM`. */
export function namedDevice(realm: string, text: string): string {
  const name = text.endsWith(`@${realm}`) ? text.slice(0, -realm.length - 1) : text;
  return deviceHost(name.startsWith('host/') ? name.slice('host/'.length) : name, []);
}

function badHost(why: string): RealmwardError {
  return new RealmwardError('bad-host', `this is no host name for a device: ${why}`, {
    hint: 'Names look like sn-0042 or phone1.example.',
  });
}
