import type { Key } from '../base/key.ts';
import { type Clock, nowSeconds } from '../base/ports.ts';
import { type Sid, withRid } from '../base/sid.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import type { Crypto } from '../crypto/crypto.ts';
import type { DeviceDirectory } from '../realm/device.ts';
import { formatName } from '../realm/name.ts';
import type { PrincipalDirectory } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import { RightRid } from '../spec/right-rids.ts';
import type { Caller, Person } from './caller.ts';
import { rightsOf, subjectOf, type TicketSubject } from './person.ts';
import { withPrincipals } from './principals.ts';
import { TicketError } from './ticket-error.ts';

export interface TicketReaderOptions {
  /** Our realm and its SID. */
  readonly realm: string;
  readonly sid: Sid;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly directory: PrincipalDirectory;
  readonly devices: Pick<DeviceDirectory, 'find'>;
  /** Whether users of that other realm may come here now. */
  readonly visitors: (realm: string) => boolean;
}

/** Who proves to be somebody by a ticket. */
export type TicketCaller = Extract<Caller, { readonly kind: 'person' | 'device' }>;

/** Reads service tickets of ours: what stands in them, and what has become of the account since. */
export interface TicketReader {
  /**
   * The person whom the ticket speaks for, as `personOf` says it. An account of ours must still be the one that the ticket was issued for, which its SID
   * tells, and be enabled; it has the right that it has now. One of another realm has what the ticket says, as long as its realm's users may come here.
   * Rejects with `TicketError`.
   */
  person(part: EncTicketPart, serverKey: Key): Promise<Person>;
  /** The same; a client `host/<name>` of ours is the device of that name, which must have joined. */
  caller(part: EncTicketPart, serverKey: Key): Promise<TicketCaller>;
}

export function createTicketReader(options: TicketReaderOptions): TicketReader {
  const { realm, directory, devices, clock } = options;
  const krbtgt = formatName(['krbtgt', realm]);

  const read = (part: EncTicketPart, serverKey: Key): Promise<TicketSubject> =>
    withPrincipals(directory, () => {
      const kdcKeys = directory.get(krbtgt)?.keys.map(({ key }) => key) ?? [];
      const subject = subjectOf(part, { ...options, serverKey, kdcKeys });
      if (part.crealm !== realm) {
        if (!options.visitors(part.crealm)) throw new TicketError('realm-gone');
        return subject;
      }
      return { ...subject, person: present(subject, directory.get(subject.person.name)) };
    });

  const present = ({ person, sid }: TicketSubject, principal: Principal | undefined): Person => {
    const gone =
      principal === undefined ||
      principal.disabled ||
      (principal.expires !== undefined && principal.expires <= nowSeconds(clock)) ||
      sid !== withRid(options.sid, principal.rid);
    if (gone) throw new TicketError('account-gone');
    const { right } = principal;
    return { ...person, rights: rightsOf(right === undefined ? [] : [RightRid[right]]) };
  };

  return {
    person: async (part, serverKey) => (await read(part, serverKey)).person,
    async caller(part, serverKey) {
      const { person, sid } = await read(part, serverKey);
      const [service, host, ...more] = part.cname.nameString;
      if (part.crealm !== realm || service !== 'host' || host === undefined || more.length > 0)
        return { kind: 'person', person, how: 'negotiate' };
      const device = await devices.find(host);
      if (device === undefined) throw new TicketError('device-unknown');
      const { rid } = device;
      // Memory is a moment behind: the device may have been replaced just now.
      if (sid !== withRid(options.sid, rid)) throw new TicketError('account-gone');
      return { kind: 'device', host: device.host, rid, how: 'negotiate' };
    },
  };
}
