import { RealmwardError } from '../base/errors.ts';
import { HttpError } from '../http/errors.ts';
import { joinReasonRow } from './reason.ts';

/** A refusal of a join as HTTP has it; what is none stays what it is. */
export function joinRefusal(error: unknown): unknown {
  if (!(error instanceof RealmwardError) || error instanceof HttpError) return error;
  const status = joinReasonRow(error.code)?.status;
  if (status === undefined) return error;
  const { code, message, hint } = error;
  const sentence = `${message[0]?.toUpperCase() ?? ''}${message.slice(1)}.`;
  return new HttpError(status, code, sentence, {
    ...(hint === undefined ? {} : { hint }),
    ...(status === 503 ? { headers: { 'retry-after': '1' } } : {}),
    cause: error,
  });
}
