import { z } from 'zod';
import { etypesByName } from '../accounts/etypes.ts';
import type { JoinRequest } from '../accounts/devices.ts';
import { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';

/** A text that stands in lists and logs: without control and invisible characters. */
const label = (what: string) =>
  z
    .string({ error: `${what}, a text` })
    .min(1, { error: `${what}, not an empty text` })
    .max(128, { error: `${what}, of at most 128 characters` })
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, { error: `${what}, without control characters` });

const etype = z
  .string({ error: 'the name of an encryption type' })
  .max(64, { error: 'the name of an encryption type' });

/** What identifies a request and its repetitions; also the header Idempotency-Key. */
export const requestId = z
  .string({ error: 'a text that is made anew for each request' })
  .regex(/^[\x21-\x7e]{1,128}$/, { error: '1 to 128 printable ASCII characters without blanks' });

/** The body of `POST /v1/join`. */
export const joinBody = z.strictObject(
  {
    host: z
      .string({ error: 'the host name of the device' })
      .max(253, { error: 'a host name of at most 253 characters' })
      .optional(),
    serial: label('the serial number').optional(),
    model: label('the model').optional(),
    etypes: z
      .array(etype, { error: 'a list of encryption types' })
      .min(1, { error: 'a list with at least one encryption type' })
      .max(16, { error: 'a list of at most 16 encryption types' })
      .optional(),
    http: z.boolean({ error: 'true or false' }).optional(),
    keys: z
      .array(
        z.strictObject({
          etype,
          key: z.base64({ error: 'a key in base64' }).max(128, { error: 'a key in base64' }),
        }),
        { error: 'a list of keys, each { "etype": …, "key": base64 }' },
      )
      .min(1, { error: 'a list with at least one key' })
      .max(16, { error: 'a list of at most 16 keys' })
      .optional(),
    requestId: requestId.optional(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? unknownFields(issue.keys) : 'a JSON object') },
);

export type JoinBody = z.output<typeof joinBody>;

/** What of a body is about etypes and keys. Throws `RealmwardError` `unknown-etype`. */
export function keysOf({ etypes, keys }: JoinBody, created: Seconds): Pick<JoinRequest, 'etypes' | 'keys'> {
  return {
    etypes: etypes && etypesByName(etypes),
    keys: keys?.map(({ etype, key }) => ({
      key: new Key(etypesByName([etype])[0] as number, Uint8Array.from(Buffer.from(key, 'base64'))),
      salt: undefined,
      s2kparams: undefined,
      created,
    })),
  };
}

function unknownFields(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 32)));
  return `no other fields than host, serial, model, etypes, http, keys and requestId; there is ${shown.join(', ')}`;
}
