import { RealmwardError } from '../base/errors.ts';

/** What the command line ends with; part of its interface (docs/cli.md). */
export const EXIT = {
  ok: { code: 0, meaning: 'it worked' },
  failure: { code: 1, meaning: 'it failed, for a reason without a code of its own' },
  usage: { code: 2, meaning: 'the command line is wrong: unknown verb or option, missing argument' },
  notFound: { code: 3, meaning: 'what was named does not exist' },
  conflict: {
    code: 4,
    meaning: 'it exists already, or somebody else holds it: a name, a port, the data folder',
  },
  config: { code: 5, meaning: 'the configuration is missing or has mistakes' },
  refused: {
    code: 6,
    meaning: 'it may not be done: no permission, a reserved name, a question answered with no',
  },
  unreachable: { code: 7, meaning: 'the server does not answer' },
} as const;

/** The exit code for an error. */
export function exitCodeOf(error: unknown): number {
  const code = error instanceof RealmwardError ? error.code : (error as NodeJS.ErrnoException).code;
  return (CODES[code ?? ''] ?? EXIT.failure).code;
}

const CODES: Readonly<Record<string, { readonly code: number }>> = {
  usage: EXIT.usage,
  'bad-name': EXIT.usage,
  'bad-time': EXIT.usage,
  'unknown-etype': EXIT.usage,
  'unsupported-etype': EXIT.usage,
  'bad-password': EXIT.usage,
  'bad-trust': EXIT.usage,
  'same-secret': EXIT.usage,
  'bad-host': EXIT.usage,
  'bad-join-token': EXIT.usage,
  'bad-server': EXIT.usage,
  'bad-principal': EXIT.usage,
  'bad-certificate': EXIT.usage,
  'bad-fingerprint': EXIT.usage,
  'join-malformed': EXIT.usage,
  'not-found': EXIT.notFound,
  ENOENT: EXIT.notFound,
  exists: EXIT.conflict,
  'port-in-use': EXIT.conflict,
  'data-in-use': EXIT.conflict,
  'store-busy': EXIT.conflict,
  'other-realm': EXIT.conflict,
  'other-sid': EXIT.conflict,
  'join-conflict': EXIT.conflict,
  'no-config': EXIT.config,
  'bad-config': EXIT.config,
  'bad-endpoint': EXIT.config,
  'no-secret': EXIT.config,
  'bad-https-certificate': EXIT.config,
  'bad-ca': EXIT.config,
  'ca-expired': EXIT.config,
  'address-not-here': EXIT.config,
  'bad-time-server': EXIT.config,
  'reserved-name': EXIT.refused,
  'wrong-kind': EXIT.refused,
  'join-refused': EXIT.refused,
  'certificate-refused': EXIT.refused,
  'port-forbidden': EXIT.refused,
  'exposed-master-key': EXIT.refused,
  'exposed-ca-key': EXIT.refused,
  cancelled: EXIT.refused,
  EACCES: EXIT.refused,
  EPERM: EXIT.refused,
  'no-answer': EXIT.unreachable,
};
