import type { Granted, LoginResult } from './result.ts';

/** The page that anybody may see. */
export function startPage(host: string, hasRealmPage: boolean): string {
  return page(
    host,
    `<p><a href="/settings">Log in here</a>, as REALM\\user</p>
     ${hasRealmPage ? '<p><a href="/login-at-realm">Log in at the page of the realm</a></p>' : ''}`,
  );
}

/** A Viewer sees the settings, an Administrator changes them. */
export function settingsPage(host: string, ringtone: string, { principal, right }: Granted): string {
  const isAdministrator = right === 'Administrator';
  return page(
    host,
    `<p>Logged in as ${escape(principal)}, ${right}.</p>
     <form method="post" action="/settings">
       <label>Ringtone <input name="ringtone" maxlength="40" value="${escape(ringtone)}"${isAdministrator ? '' : ' readonly'}></label>
       ${isAdministrator ? '<button>Save</button>' : ''}
     </form>`,
  );
}

/** Why somebody is not logged in, and what to do about it. */
export function failurePage(
  host: string,
  failure: Exclude<LoginResult, Granted>,
  hasRealmPage: boolean,
): string {
  return page(
    host,
    `<p class="${failure.result}">${escape(failure.message)} ${escape(failure.hint)}</p>
     ${advice(failure, hasRealmPage)}
     <p><a href="/">Back</a></p>`,
  );
}

export function messagePage(host: string, message: string): string {
  return page(host, `<p>${escape(message)}</p><p><a href="/">Back</a></p>`);
}

function advice(failure: Exclude<LoginResult, Granted>, hasRealmPage: boolean): string {
  switch (failure.result) {
    case 'no_right':
      if (failure.groups.length === 0) return '';
      return `<p>${escape(failure.principal)} is in these groups, and none of them has a right here:</p>
        <ul>${failure.groups.map((sid) => `<li>${escape(sid)}</li>`).join('')}</ul>`;
    case 'realm_hint':
      return `<p>Log in as <b>${escape(failure.realm)}\\</b>user.</p>`;
    case 'clock':
      return `<p>The clocks differ by ${failure.offset} seconds.</p>`;
    case 'expired_password':
      return hasRealmPage
        ? '<p><a href="/login-at-realm">Choose a new password at the page of the realm</a></p>'
        : '';
    case 'unreachable':
      return '<p>Until the realm can be reached again, the emergency account on the label of this device works.</p>';
    default:
      return '';
  }
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<h1>${escape(title)}</h1>
${content}
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
