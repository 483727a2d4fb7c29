import { RealmwardError } from '../base/errors.ts';
import { HttpError } from '../http/errors.ts';

/** A refusal of a join as HTTP has it; what is none of these stays what it is. 401 is not among them: who asks has been proven. */
export function joinRefusal(error: unknown): unknown {
  if (!(error instanceof RealmwardError) || error instanceof HttpError) return error;
  const status = STATUS[error.code];
  if (status === undefined) return error;
  const { code, message, hint } = error;
  const sentence = `${message[0]?.toUpperCase() ?? ''}${message.slice(1)}.`;
  return new HttpError(status, code, sentence, {
    ...(hint === undefined ? {} : { hint }),
    ...(status === 503 ? { headers: { 'retry-after': '1' } } : {}),
    cause: error,
  });
}

const STATUS: Readonly<Record<string, number>> = {
  'bad-host': 400,
  'bad-keys': 400,
  'unknown-etype': 400,
  'unsupported-etype': 400,
  'reserved-name': 403,
  'not-its-own-name': 403,
  'device-disabled': 403,
  'device-gone': 403,
  'join-token-used': 403,
  'already-joined': 409,
  exists: 409,
  'wrong-kind': 409,
  'request-id-reused': 409,
  'store-busy': 503,
};
