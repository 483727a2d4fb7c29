import { RealmwardError } from './errors.ts';

/**
 * A Windows security identifier (MS-DTYP 2.4.2) in its text form `S-1-<authority>-<sub>-…`, canonical: decimal, no leading zeros. Two SIDs
 * are equal exactly when their texts are.
 */
export type Sid = string & { readonly __sid: unique symbol };

const MAX_SUB_AUTHORITIES = 15;

/** Parses the text form. Throws `RealmwardError` with code `bad-sid`. */
export function parseSid(text: string): Sid {
  const match = /^S-1-(0|[1-9]\d{0,14})((?:-(?:0|[1-9]\d{0,9}))*)$/.exec(text);
  const subs = match?.[2]?.split('-').slice(1).map(Number) ?? [];
  if (
    match === null ||
    Number(match[1]) > 0xff_ff_ff_ff_ff_ff ||
    subs.length > MAX_SUB_AUTHORITIES ||
    subs.some((sub) => sub > 0xff_ff_ff_ff)
  ) {
    throw new RealmwardError('bad-sid', `"${text}" is not a SID`, {
      hint: 'A SID looks like S-1-5-21-1000000001-2000000002-3000000003.',
    });
  }
  return text as Sid;
}

/** Authority and sub-authorities of a SID. */
export function sidParts(sid: Sid): { authority: number; subAuthorities: readonly number[] } {
  const [, , authority, ...subs] = sid.split('-');
  return { authority: Number(authority), subAuthorities: subs.map(Number) };
}

/** The SID made of these parts; the inverse of `sidParts`. Throws `RealmwardError` with code `bad-sid` when a part is out of range. */
export function makeSid(authority: number, subAuthorities: readonly number[]): Sid {
  return parseSid(['S-1', authority, ...subAuthorities].join('-'));
}

/** Domain SID and RID of an account or group SID; `undefined` where there is no sub-authority to take off. */
export function splitRid(sid: Sid): { domain: Sid; rid: number } | undefined {
  const at = sid.lastIndexOf('-');
  const domain = sid.slice(0, at);
  return domain.split('-').length < 3 ? undefined : { domain: domain as Sid, rid: Number(sid.slice(at + 1)) };
}

/** The SID of `rid` in `domain`. */
export function withRid(domain: Sid, rid: number): Sid {
  return parseSid(`${domain}-${rid}`);
}
