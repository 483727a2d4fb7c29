import type { Key } from '../base/key.ts';
import type { Clock } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { formatName, MAX_NAME_LENGTH } from '../realm/name.ts';
import type { RealmPolicy } from '../realm/policy.ts';
import type { LoginRecorder, PrincipalDirectory } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import type { TrustDirectory } from '../realm/trust.ts';
import { NameType } from '../spec/name-types.ts';
import type { Account } from './account.ts';
import type { KdcEvent } from './event.ts';
import type { TicketMemory } from './ticket-memory.ts';
import type { Throttle } from './throttle.ts';
import type { VisitorMemory } from './visitor-memory.ts';

/** What a KDC is made of. */
export interface KdcOptions {
  readonly realm: string;
  /** The realm's own SID. */
  readonly sid: Sid;
  /** Without RC4. */
  readonly crypto: Crypto;
  /**
   * For the tickets between a trusted realm and ours: with the keys of a trust, and with nothing else. It speaks RC4, of which only a trust
   * whose operator named it has a key (docs/decisions/0013).
   */
  readonly trustCrypto: Crypto;
  readonly clock: Clock;
  readonly directory: PrincipalDirectory;
  readonly logins: LoginRecorder;
  readonly policy: RealmPolicy;
  readonly trusts: TrustDirectory;
  /** Told once for each request. Must not throw. */
  readonly observe: (event: KdcEvent) => void;
}

/** The realm as the steps see it: the options, and what follows from them. */
export interface KdcRealm extends KdcOptions {
  /** `krbtgt/REALM`, as a name and in canonical text form. */
  readonly krbtgt: PrincipalName;
  readonly krbtgtName: string;
  /** `sname` and name of kadmin/changepw. */
  readonly changepwName: string;
  /** What was worked out about principals, as long as they do not change. */
  readonly accounts: WeakMap<Principal, Account>;
  /** Tickets that were opened and verified before. */
  readonly opened: TicketMemory;
  /** Users of trusted realms who came before. */
  readonly visitors: VisitorMemory;
  readonly throttle: Throttle;
  /** Keys that stand in for those of unknown clients, so that these take the same time. */
  readonly decoys: ReadonlyMap<number, Key>;
}

/** Where a request came from, and how large a reply it can carry. */
export interface RequestOrigin {
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  readonly maxReply: number;
}

/** The name of `realm`'s ticket-granting service. */
export function krbtgtOf(realm: string): PrincipalName {
  return { nameType: NameType.SRV_INST, nameString: ['krbtgt', realm] };
}

/** `name@REALM` for logs; cut off where it is longer than any name can be. */
export function displayName(name: PrincipalName, realm: string): string {
  const text = `${formatName(name.nameString)}@${realm}`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Characters: a name, and a realm's. */
const MAX_SHOWN = MAX_NAME_LENGTH + 256;
