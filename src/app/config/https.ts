/** What the configuration says about HTTPS, and what is wrong with it. */
import { isIP } from 'node:net';
import type { Path } from './document.ts';
import { object, path } from './parts.ts';
import { z } from 'zod';

const NAME = 'a DNS name or an IP address, such as realm1.example or 192.0.2.1';

const name = z
  .string({ error: NAME })
  .refine((value) => isIP(value) !== 0 || isDnsName(value), { error: NAME });

/** The `https` of the configuration. */
export const https = object({
  names: z
    .array(name, { error: 'a list of names, such as [realm1.example]' })
    .min(1, { error: 'a list with at least one name, such as [realm1.example]' })
    .meta({
      description:
        'Names and addresses that clients reach the server by. They stand in its certificate, and each is a service HTTP/<name> of the realm.',
    }),
  certificate: path.optional().meta({
    description:
      "Path of the server's certificate and its chain, PEM. Left out: a CA of the realm's own issues one. Read again at SIGHUP.",
  }),
  key: path.optional().meta({ description: "Path of the certificate's private key, PEM, not encrypted." }),
});

/** What a server needs to know of it. */
export interface HttpsConfig {
  /** Addresses as `parseEndpoint` reads them. */
  readonly listen: readonly string[];
  /** In lower case, the first one before all. */
  readonly names: readonly string[];
  /** Absolute paths of an operator's own certificate and key. */
  readonly files: { readonly certificate: string; readonly key: string } | undefined;
}

/** What the schemas cannot see: keys that need each other, and names that stand twice. */
export function httpsMistakes(values: HttpsValues): { readonly path: Path; readonly expected: string }[] {
  const { listen, https: stated, services } = values;
  const mistakes: { path: Path; expected: string }[] = [];
  if (stated === undefined) {
    if (listen !== undefined)
      mistakes.push({
        path: ['listen', 'https'],
        expected: 'https.names beside it: the names that clients use',
      });
    return mistakes;
  }
  if (listen === undefined)
    mistakes.push({ path: ['https'], expected: 'listen.https beside it: the addresses to serve HTTPS on' });
  if (stated.certificate !== undefined && stated.key === undefined)
    mistakes.push({ path: ['https', 'certificate'], expected: 'https.key beside it' });
  if (stated.key !== undefined && stated.certificate === undefined)
    mistakes.push({ path: ['https', 'key'], expected: 'https.certificate beside it' });
  const names = (Array.isArray(stated.names) ? stated.names : []).map((one) => String(one).toLowerCase());
  for (const [i, one] of names.entries()) {
    if (names.indexOf(one) !== i) mistakes.push({ path: ['https', 'names', i], expected: 'each name once' });
  }
  for (const [i, service] of (Array.isArray(services) ? services : []).entries()) {
    const declared = String((service as { name?: unknown } | null)?.name)
      .split('@')[0]
      ?.toLowerCase();
    if (names.some((one) => declared === `http/${one}`))
      mistakes.push({
        path: ['services', i, 'name'],
        expected: "another service: this one is the realm's own, by https.names",
      });
  }
  return mistakes;
}

/** The parts of the file that belong together; each may be anything. */
interface HttpsValues {
  readonly listen: unknown;
  readonly https:
    { readonly names?: unknown; readonly certificate?: unknown; readonly key?: unknown } | undefined;
  readonly services: unknown;
}

function isDnsName(value: string): boolean {
  return value.length <= 253 && LABELS.test(value) && !/^[\d.]+$/.test(value);
}

/** RFC 1123 section 2.1. */
const LABELS = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*$/;
