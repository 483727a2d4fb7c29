import { showText } from '../ap/principal.ts';
import { RealmwardError } from '../base/errors.ts';
import { type KpasswdOutcome, readAdPolicy } from '../codec/kpasswd.ts';
import { KpasswdResult } from '../spec/kpasswd.ts';

interface Row {
  readonly code: string;
  readonly text: string;
  readonly hint: string;
}

const LOG = 'The log of the server says more.';

const ROWS: Readonly<Record<number, Row>> = {
  [KpasswdResult.MALFORMED]: {
    code: 'kpasswd-malformed',
    text: 'The password server cannot read the request.',
    hint: LOG,
  },
  [KpasswdResult.HARDERROR]: {
    code: 'kpasswd-harderror',
    text: 'The password server could not change the password.',
    hint: `Try again later. ${LOG}`,
  },
  [KpasswdResult.AUTHERROR]: {
    code: 'kpasswd-autherror',
    text: 'The password server does not accept who asks.',
    hint: 'Log in anew and try again; the clocks of both machines should agree.',
  },
  [KpasswdResult.SOFTERROR]: {
    code: 'kpasswd-softerror',
    text: 'The new password was refused.',
    hint: 'Choose another one.',
  },
  [KpasswdResult.ACCESSDENIED]: {
    code: 'kpasswd-accessdenied',
    text: 'This may not be done.',
    hint: 'Ask an administrator of the realm.',
  },
  [KpasswdResult.BAD_VERSION]: {
    code: 'kpasswd-bad-version',
    text: 'The password server does not know this version of the protocol.',
    hint: 'It may be one that changes passwords and sets none.',
  },
  [KpasswdResult.INITIAL_FLAG_NEEDED]: {
    code: 'kpasswd-initial-flag-needed',
    text: 'The password server wants the present password to be typed.',
    hint: 'Get the ticket for kadmin/changepw with the password, not with another ticket.',
  },
};

/** A password server's no. `code` says which result it gave: `kpasswd-softerror`, `kpasswd-accessdenied`, … */
export class PasswordRefused extends RealmwardError {
  /** Result code of RFC 3244. */
  readonly result: number;
  /** What the server adds for people, printable; AD's rules for passwords as sentences. */
  readonly says: string | undefined;

  constructor({ result, text }: KpasswdOutcome) {
    const row = ROWS[result] ?? {
      code: `kpasswd-${result}`,
      text: `The password server gives the result ${result}, which is not known here.`,
      hint: LOG,
    };
    const said = readAdPolicy(text) ?? showText(new TextDecoder().decode(text), MAX_SHOWN);
    super(row.code, said === '' ? row.text : `${row.text} It says: ${said}`, { hint: row.hint });
    this.result = result;
    this.says = said === '' ? undefined : said;
  }
}

const MAX_SHOWN = 500;
