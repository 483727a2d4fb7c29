import { ChecksumType } from '../spec/checksum-types.ts';
import { Etype } from '../spec/etypes.ts';
import { CryptoError } from './errors.ts';
import { rfc3962 } from './rfc3962.ts';
import { rfc4757 } from './rfc4757.ts';
import { rfc8009 } from './rfc8009.ts';
import type { EtypeRow } from './scheme.ts';

/** THE table: everything that the implementation knows about its etypes, strongest first. */
export const ETYPES: readonly EtypeRow[] = [
  {
    etype: Etype.AES256_CTS_HMAC_SHA384_192,
    name: 'aes256-cts-hmac-sha384-192',
    aliases: ['aes256-sha2'],
    keyLength: 32,
    integrityKeyLength: 24,
    confounderLength: 16,
    macLength: 24,
    checksumType: ChecksumType.HMAC_SHA384_192_AES256,
    hash: 'sha384',
    defaultIterations: 32_768,
    scheme: rfc8009,
  },
  {
    etype: Etype.AES128_CTS_HMAC_SHA256_128,
    name: 'aes128-cts-hmac-sha256-128',
    aliases: ['aes128-sha2'],
    keyLength: 16,
    integrityKeyLength: 16,
    confounderLength: 16,
    macLength: 16,
    checksumType: ChecksumType.HMAC_SHA256_128_AES128,
    hash: 'sha256',
    defaultIterations: 32_768,
    scheme: rfc8009,
  },
  {
    etype: Etype.AES256_CTS_HMAC_SHA1_96,
    name: 'aes256-cts-hmac-sha1-96',
    aliases: ['aes256-cts', 'aes256-sha1'],
    keyLength: 32,
    integrityKeyLength: 32,
    confounderLength: 16,
    macLength: 12,
    checksumType: ChecksumType.HMAC_SHA1_96_AES256,
    hash: 'sha1',
    defaultIterations: 4096,
    scheme: rfc3962,
  },
  {
    etype: Etype.AES128_CTS_HMAC_SHA1_96,
    name: 'aes128-cts-hmac-sha1-96',
    aliases: ['aes128-cts', 'aes128-sha1'],
    keyLength: 16,
    integrityKeyLength: 16,
    confounderLength: 16,
    macLength: 12,
    checksumType: ChecksumType.HMAC_SHA1_96_AES128,
    hash: 'sha1',
    defaultIterations: 4096,
    scheme: rfc3962,
  },
  {
    etype: Etype.RC4_HMAC,
    name: 'arcfour-hmac',
    aliases: ['rc4-hmac', 'arcfour-hmac-md5', 'rc4'],
    keyLength: 16,
    integrityKeyLength: 16,
    confounderLength: 8,
    macLength: 16,
    checksumType: ChecksumType.HMAC_MD5,
    hash: 'md5',
    defaultIterations: 0,
    scheme: rfc4757,
  },
];

/** The etype's name as MIT writes it; `etype-<number>` for one that is not in the table. For people to read. */
export function etypeName(etype: number): string {
  return ROWS.get(etype)?.name ?? `etype-${etype}`;
}

/** The etype of a name or a usual alias, in any letter case; `undefined` where there is none. */
export function etypeByName(text: string): number | undefined {
  const name = text.toLowerCase();
  return ETYPES.find((row) => row.name === name || row.aliases.includes(name))?.etype;
}

/** Length in bytes of the etype's protocol keys. Throws `CryptoError` `unsupported-etype`. */
export function keyLengthOf(etype: number): number {
  return etypeRow(etype).keyLength;
}

/** Length in bytes of the etype's mandatory checksum. Throws `CryptoError` `unsupported-etype`. */
export function macLengthOf(etype: number): number {
  return etypeRow(etype).macLength;
}

/** The etype's mandatory checksum type. Throws `CryptoError` `unsupported-etype`. */
export function checksumTypeOf(etype: number): number {
  return etypeRow(etype).checksumType;
}

/**
 * PBKDF2 iterations that `params` (s2kparams as on the wire; left out: the etype's default) ask for; 0 for RC4, which has none. Throws
 * `CryptoError` `bad-s2kparams` where they are malformed or out of range, and `unsupported-etype`.
 */
export function iterationsOf(etype: number, params?: Uint8Array): number {
  const row = etypeRow(etype);
  if (params === undefined) return row.defaultIterations;
  if (row.defaultIterations === 0) {
    if (params.length === 0) return 0;
    throw new CryptoError(
      'bad-s2kparams',
      `${row.name} has no string-to-key parameters, but some were given`,
    );
  }
  if (params.length !== 4) {
    throw new CryptoError(
      'bad-s2kparams',
      `string-to-key parameters have ${params.length} bytes instead of 4`,
    );
  }
  // "The string-to-key parameter used is four octets ... an iteration count ... in big-endian order ... four zero octets mean 4,294,967,296"
  // in substance (RFC 3962 section 4): zero is out of range as well.
  const iterations = new DataView(params.buffer, params.byteOffset, 4).getUint32(0);
  if (iterations < 1 || iterations > MAX_ITERATIONS) {
    const count = iterations === 0 ? 2 ** 32 : iterations;
    throw new CryptoError(
      'bad-s2kparams',
      `string-to-key asks for ${count} iterations; at most ${MAX_ITERATIONS} are allowed`,
      'If this is your own realm, set a lower iteration count there; if not, do not trust whoever answered.',
    );
  }
  return iterations;
}

/**
 * The count comes unauthenticated from whoever answers as KDC. Two million take about a second of one core here: more than any site asks
 * for (the defaults are 4096 and 32768, advice for password hashing goes up to 1.3 million), too little to tie a client up.
 */
const MAX_ITERATIONS = 2_000_000;

const ROWS: ReadonlyMap<number, EtypeRow> = new Map(ETYPES.map((row) => [row.etype, row]));

function etypeRow(etype: number): EtypeRow {
  const row = ROWS.get(etype);
  if (row === undefined) throw unsupportedEtype(etype);
  return row;
}

/** The error for an etype that is not in the table, or not switched on. */
export function unsupportedEtype(etype: number): CryptoError {
  return new CryptoError(
    'unsupported-etype',
    `encryption type ${etype} (${etypeName(etype)}) is not supported`,
  );
}
