/** The answers to requests whose sender is not let in. */
import { RealmwardError } from '../base/errors.ts';
import type { Caller } from './caller.ts';
import { HttpError } from './errors.ts';
import type { PasswordFailure } from './password-proof.ts';

export type CallerKind = Caller['kind'];

/** How a request may say who sends it. */
export type Scheme = 'negotiate' | 'basic' | 'bearer';

const SCHEMES: Readonly<Record<CallerKind, readonly Scheme[]>> = {
  person: ['negotiate', 'basic'],
  device: ['negotiate', 'bearer'],
  'join-token': ['bearer'],
};

/** The schemes by which callers of these kinds prove themselves. */
export function schemesOf(kinds: readonly CallerKind[]): readonly Scheme[] {
  const order: readonly Scheme[] = ['negotiate', 'bearer', 'basic'];
  return order.filter((scheme) => kinds.some((kind) => SCHEMES[kind].includes(scheme)));
}

/**
 * Values of `WWW-Authenticate`, one line each; `negotiate` stands in place of the bare word where a token goes with it. "The only allowed value is
 * 'UTF-8'" (RFC 7617 section 2.1).
 */
export function challenges(realm: string, kinds: readonly CallerKind[], negotiate = 'Negotiate'): string[] {
  const lines: Readonly<Record<Scheme, string>> = {
    negotiate,
    bearer: `Bearer realm="${realm}"`,
    basic: `Basic realm="${realm}", charset="UTF-8"`,
  };
  return schemesOf(kinds).map((scheme) => lines[scheme]);
}

/** 401 for a request without credentials, or with some of a scheme that its path does not take. */
export function unauthenticated(realm: string, kinds: readonly CallerKind[]): HttpError {
  return new HttpError(401, 'unauthenticated', 'This path wants to know who asks.', {
    hint: `It takes ${kinds.map((kind) => WAYS[kind]).join(', or ')}.`,
    headers: { 'www-authenticate': challenges(realm, kinds) },
  });
}

/** The one 401 for credentials that prove nothing, whatever is wrong with them: nobody learns from it which part was right. */
export function unproven(realm: string, kinds: readonly CallerKind[]): HttpError {
  return new HttpError(401, 'refused', 'The credentials of the request prove nobody.', {
    hint: 'A wrong password, an unknown name, and a token that was used up, revoked or never given out all look like this.',
    headers: { 'www-authenticate': challenges(realm, kinds) },
  });
}

/** 403 for somebody who is not of the kinds that the path lets in. */
export function otherKind(kinds: readonly CallerKind[]): HttpError {
  return new HttpError(
    403,
    'wrong-caller',
    `This path is for ${kinds.map((kind) => NOUNS[kind]).join(' and ')}.`,
    {
      hint: `It takes ${kinds.map((kind) => WAYS[kind]).join(', or ')}.`,
    },
  );
}

export function tooMany(seconds: number): HttpError {
  return new HttpError(
    429,
    'too-many-failures',
    'Too many requests from this network address have proven nobody.',
    {
      hint: `Wait ${seconds} seconds, then try again with other credentials.`,
      headers: { 'retry-after': String(seconds) },
    },
  );
}

/** Too many passwords are being tried. */
export function busy(): HttpError {
  return new HttpError(503, 'busy', 'Too many logins are under way.', {
    hint: 'Try again in a moment.',
    headers: { 'retry-after': '2' },
  });
}

/** What became of a password that came with Basic, as its sender is told. */
export function refusedProof(
  failure: PasswordFailure,
  realm: string,
  kinds: readonly CallerKind[],
): HttpError {
  const { result, message, hint, reason, detail } = failure;
  const cause = new RealmwardError(reason, detail ?? message);
  if (reason === 'too-many-from-address')
    return new HttpError(429, 'too-many-failures', message, {
      hint,
      cause,
      headers: { 'retry-after': '60' },
    });
  if (result === 'unreachable')
    return new HttpError(503, result, message, { hint, cause, headers: { 'retry-after': '5' } });
  // Another password or another spelling may help; with these, the client asks for them.
  if (result === 'refused' || result === 'realm_hint') {
    const headers = { 'www-authenticate': challenges(realm, kinds) };
    return new HttpError(401, result, message, { hint, cause, headers });
  }
  return new HttpError(403, result, message, { hint, cause });
}

const WAYS: Readonly<Record<CallerKind, string>> = {
  person: 'Basic or Negotiate with an account of the realm or of a trusted one',
  device: 'Bearer with the token that a device got when it joined, or Negotiate with its key',
  'join-token': 'Bearer with a join token',
};

const NOUNS: Readonly<Record<CallerKind, string>> = {
  person: 'people with an account',
  device: 'devices that have joined',
  'join-token': 'whoever holds a join token',
};
