import { RealmwardError } from '../base/errors.ts';

/** A refusal as an HTTP client gets it. `code` is stable and stands in the answer's `error`. */
export class HttpError extends RealmwardError {
  readonly status: number;
  /** Header fields of the answer, names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: {
      hint?: string;
      headers?: Readonly<Record<string, string | readonly string[]>>;
      cause?: unknown;
    } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** The body of every answer that is no success. */
export interface ErrorBody {
  readonly error: string;
  readonly message: string;
  readonly hint?: string;
}

export function errorBody({ code, message, hint }: RealmwardError): ErrorBody {
  return { error: code, message, ...(hint === undefined ? {} : { hint }) };
}

/**
 * What an error that reached the server's edge is answered with: what was refused on purpose as it says, the framework's own refusals in our
 * words, and of everything else nothing but that it happened (its particulars are for the log).
 */
export function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const { code } = error as { code?: unknown };
  const known = typeof code === 'string' ? FRAMEWORK[code] : undefined;
  if (known !== undefined) {
    const [status, name, message, hint] = known;
    return new HttpError(status, name, message, { hint, cause: error });
  }
  return new HttpError(500, 'internal-error', 'The server failed to answer this request.', {
    hint: 'Try again; the log of the server says what happened.',
    cause: error,
  });
}

/** 499, which nobody reads but the log. */
export function clientGone(): HttpError {
  return new HttpError(499, 'client-gone', 'The client has closed the connection.');
}

const BAD_URL = [
  400,
  'bad-request',
  'The path of the request cannot be read.',
  'Percent signs in it stand before two hexadecimal digits.',
] as const;

const BAD_JSON = [
  400,
  'bad-json',
  'The body is not JSON.',
  'It is one JSON object in UTF-8, with Content-Type: application/json.',
] as const;

const FRAMEWORK: Readonly<Record<string, readonly [number, string, string, string]>> = {
  FST_ERR_BAD_URL: BAD_URL,
  FST_ERR_MAX_PARAM_LENGTH: BAD_URL,
  FST_ERR_CTP_BODY_TOO_LARGE: [
    413,
    'too-large',
    'The body is longer than this path takes.',
    'Nothing of it was used.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    'unsupported-media-type',
    'This path does not take bodies of that Content-Type.',
    'Most paths take application/json.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    'bad-request',
    'The body is not as long as Content-Length says.',
    'Send it again.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: BAD_JSON,
  FST_ERR_CTP_INVALID_JSON_BODY: BAD_JSON,
};
