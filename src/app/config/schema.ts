import { z } from 'zod';
import { RIGHTS } from '../../realm/right.ts';
import { parseTimeServer } from '../../ops/time-sync.ts';
import { parseEndpoint } from '../../transport/endpoint.ts';
import {
  accepts,
  duration,
  ETYPE_NAMES,
  list,
  object,
  path,
  realm,
  realmEtype,
  secret,
  sid,
} from './parts.ts';
import { https } from './https.ts';
import { trust } from './trusts.ts';

const TEN_YEARS = 3650 * 86_400;

const endpoint = (usualPort: number) => {
  const error = `an IP address and a port, such as "192.0.2.1:${usualPort}" or "[2001:db8::1]:${usualPort}"`;
  return z.string({ error }).refine(accepts(parseEndpoint), { error });
};

const TIME_SERVER = 'a time server: a name or an IPv4 address, and :port where that is not 123';
const timeServer = z.string({ error: TIME_SERVER }).refine(accepts(parseTimeServer), { error: TIME_SERVER });

const LENGTH = 'a whole number of characters from 1 to 128';

const policy = object({
  maxLife: duration('10h', 60, TEN_YEARS).meta({ description: 'Longest lifetime of a ticket.' }),
  maxRenew: duration('7d', 0, TEN_YEARS).meta({
    description: 'Longest time over which a ticket may be renewed; 0s: none may be.',
  }),
  clockSkew: duration('5m', 1, 86_400).meta({
    description: 'How far the clocks of clients may differ from the server.',
  }),
  revealUnknownClients: z.boolean({ error: 'true or false' }).default(false).meta({
    description:
      'Whether clients are told that a user does not exist, rather than that the password is wrong.',
  }),
  etypes: z
    .array(realmEtype, { error: 'a list of encryption types' })
    .min(1, { error: 'a list with at least one encryption type' })
    .default([...ETYPE_NAMES])
    .meta({
      description:
        'Encryption types that the realm uses. The order does not matter: the strongest that both sides have is taken.',
    }),
  udpReplyLimit: z
    .int({ error: 'a whole number of bytes from 512 to 65507' })
    .min(512, { error: 'a whole number of bytes from 512 to 65507' })
    .max(65_507, { error: 'a whole number of bytes from 512 to 65507' })
    .default(1465)
    .meta({ description: 'Longest reply over UDP, in bytes; for longer ones clients are sent to TCP.' }),
  passwordLength: z
    .int({ error: LENGTH })
    .min(1, { error: LENGTH })
    .max(128, { error: LENGTH })
    .default(8)
    .meta({
      description:
        "Fewest characters of a new password of the realm's own users. Those that they have already go on working.",
    }),
  lockout: object({
    maxFailures: z
      .int({ error: 'a whole number from 1 to 1000' })
      .min(1, { error: 'a whole number from 1 to 1000' })
      .max(1000, { error: 'a whole number from 1 to 1000' })
      .meta({ description: 'An account is locked after so many wrong passwords.' }),
    window: duration('15m', 1, TEN_YEARS).meta({
      description: 'Counting begins anew when this time has passed since the last wrong password.',
    }),
    duration: duration('15m', 1, TEN_YEARS).meta({ description: 'How long the account stays locked.' }),
  })
    .optional()
    .meta({
      description:
        'Lock accounts for a while after too many wrong passwords. Left out: no account is ever locked.',
    }),
  throttle: object({
    perAddress: failures(1000).meta({
      description:
        'So many wrong passwords may come from one address (an IPv6 /64) within the window; then it has to wait. 0: any number.',
    }),
    perPrincipal: failures(30).meta({
      description:
        'So many wrong passwords may be tried on one account within the window; then whoever tries has to wait. 0: any number.',
    }),
    window: duration('10m', 1, 86_400).meta({
      description: 'The time in which so many may be tried; they come back steadily.',
    }),
  })
    .prefault({})
    .meta({
      description:
        'Slow guessing of passwords down at the KDC. Those who log in with the right one do not count.',
    }),
});

/** A number of wrong passwords. */
function failures(standard: number) {
  const expected = 'a whole number from 0 to 1000000';
  return z
    .int({ error: expected })
    .min(0, { error: expected })
    .max(1_000_000, { error: expected })
    .default(standard);
}

const user = object({
  name: z
    .string({ error: 'a name, such as alice' })
    .meta({ description: 'Name of the user, without the realm.' }),
  right: z
    .enum(RIGHTS, { error: `one of ${RIGHTS.join(', ')}` })
    .optional()
    .meta({ description: 'What the user may do on devices. Left out: may log in, and do nothing.' }),
  password: secret.meta({
    description: 'Password of the user when it is created; changing it here later changes nothing.',
  }),
});

const service = object({
  name: z
    .string({ error: 'a name, such as host/device1.example' })
    .meta({ description: 'Name of the service, without the realm. Its key is random.' }),
});

/** The configuration file's schema. */
export const configSchema = object({
  realm: realm.meta({ description: 'Name of the realm. Case-sensitive; usually in upper case.' }),
  sid: sid
    .refine((value) => value.split('-').length <= 17, {
      error: 'a SID with room for one more number: at most 14 behind the S-1-5',
    })
    .optional()
    .meta({ description: "The realm's own SID. Left out: made once and kept in the store." }),
  data: path.meta({ description: 'Folder of the master key and the store; created with mode 0700.' }),
  store: z
    .literal('sqlite', { error: '"sqlite"' })
    .default('sqlite')
    .meta({ description: 'Kind of the store: sqlite, a file in the data folder.' }),
  listen: object({
    kdc: z
      .array(endpoint(88), { error: 'a list of addresses, such as ["192.0.2.1:88"]' })
      .min(1, { error: 'a list with at least one address, such as ["192.0.2.1:88"]' })
      .meta({
        description:
          'Addresses of the KDC, UDP and TCP on each: "192.0.2.1:88", "[2001:db8::1]:88", "0.0.0.0:88" for all.',
      }),
    kpasswd: z
      .array(endpoint(464), { error: 'a list of addresses, such as ["192.0.2.1:464"]' })
      .default([])
      .meta({
        description:
          'Addresses at which passwords are changed (kpasswd, RFC 3244), UDP and TCP on each: "192.0.2.1:464". Left out: at none.',
      }),
    https: z
      .array(endpoint(443), { error: 'a list of addresses, such as ["192.0.2.1:443"]' })
      .min(1, { error: 'a list with at least one address, such as ["192.0.2.1:443"]' })
      .optional()
      .meta({
        description:
          'Addresses of the HTTPS server, where devices join and log people in: "192.0.2.1:443". Left out: there is none.',
      }),
  }),
  https: https.optional().meta({ description: 'The HTTPS server; needed where listen.https is.' }),
  policy: policy.prefault({}).meta({ description: 'What tickets may be like.' }),
  users: list(user, 'a list of users, each { name: …, right: …, password: … }').meta({
    description:
      'Users that are created when the server starts and they do not exist. What exists is never changed.',
  }),
  services: list(service, 'a list of services, each { name: … }').meta({
    description: 'Services that are created, with random keys, when the server starts and they do not exist.',
  }),
  trusts: list(trust, 'a list of trusts, each { realm: …, direction: …, secret: …, … }').meta({
    description:
      'Realms that are trusted. What does not exist is made when the server starts; of what exists everything but the secret is brought to what stands here.',
  }),
  login: object({
    maxFailures: z
      .int({ error: 'a whole number from 1 to 100000' })
      .min(1, { error: 'a whole number from 1 to 100000' })
      .max(100_000, { error: 'a whole number from 1 to 100000' })
      .default(60)
      .meta({
        description:
          'How many wrong passwords may come from one IPv4 address or IPv6 /64, about whichever accounts, within the window; then it has to wait.',
      }),
    window: duration('5m', 1, 86_400).meta({ description: 'The time in which they are counted.' }),
  })
    .prefault({})
    .meta({
      description:
        'Passwords that are tried through the HTTPS server. Wrong ones for one account are bounded by policy.lockout, or by maxFailures of the trust.',
    }),
  time: object({
    servers: z
      .array(timeServer, { error: 'a list of time servers, such as [ntp.example]' })
      .min(1, { error: 'a list with at least one time server, such as [ntp.example]' })
      .meta({
        description:
          'NTP servers that the clock is compared with. The offset is logged; the clock is never moved.',
      }),
    interval: duration('5m', 10, 86_400).meta({ description: 'How often they are asked.' }),
  })
    .optional()
    .meta({ description: 'Compare the clock with time servers. Left out: it is not.' }),
  log: object({
    file: path
      .optional()
      .meta({ description: 'Path of the log file, JSON lines. Left out: standard output.' }),
    level: z
      .enum(['debug', 'info', 'warn', 'error'], { error: 'one of debug, info, warn, error' })
      .default('info')
      .meta({ description: 'Which lines are written: those of this level and above.' }),
  })
    .prefault({})
    .meta({ description: 'Where the log goes.' }),
});

/** The values of a file that fits the schema, as it states them. */
export type ConfigValues = z.output<typeof configSchema>;

/** The JSON Schema for editors, of what may stand in the file. */
export function configJsonSchema(): object {
  return { title: 'Configuration of a realmward server', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}
