import { createHash } from 'node:crypto';
import type { Sid } from '../base/sid.ts';
import { html, Html } from './html.ts';
import { type Language, LANGUAGES, TEXTS } from './texts.ts';

/** What is the same on all pages of one login. */
export interface PageContext {
  readonly language: Language;
  readonly realm: string;
  /** Host name of the device. */
  readonly device: string;
  /** Origin that the person is taken back to. */
  readonly returnOrigin: string;
  /** Where "back without logging in" leads. */
  readonly cancelUrl: string;
  readonly request: string;
  readonly csrf: string;
}

/** What went wrong the last time; the field that the person has to look at gets the focus. */
export interface PageProblem {
  readonly message: string;
  readonly field: 'user' | 'password' | 'newPassword';
  /** Groups to show with it. */
  readonly groups?: readonly Sid[];
}

export interface LoginPage extends PageContext {
  readonly user: string;
  readonly problem: PageProblem | undefined;
}

/** The form that asks for name and password. */
export function loginPage(page: LoginPage): string {
  const texts = TEXTS[page.language];
  const { problem } = page;
  return document(page.language, texts.title(page.realm), problem, languageUrl(page.request), [
    html`<p id="intro">${texts.intro(page.device, page.returnOrigin)}</p>`,
    alert(page.language, problem),
    html`<form method="post" action="/login">
      ${hidden(page)} ${userField(page, problem?.field !== 'password')}
      ${passwordField('password', texts.password, 'current-password', problem, problem?.field === 'password')}
      <button type="submit">${texts.logIn}</button>
    </form>`,
    html`<p><a href="${page.cancelUrl}">${texts.cancel}</a></p>`,
  ]);
}

/** The form for who has to change an expired password before logging in. */
export function changePage(page: LoginPage): string {
  const texts = TEXTS[page.language];
  const { problem } = page;
  const oldFirst = problem === undefined || problem.field === 'password';
  return document(page.language, texts.changeTitle, problem, languageUrl(page.request), [
    html`<p id="intro">${texts.intro(page.device, page.returnOrigin)}</p>`,
    html`<p>${texts.changeIntro}</p>`,
    alert(page.language, problem),
    html`<form method="post" action="/login/password">
      ${hidden(page)} ${userField(page, problem?.field === 'user')}
      ${passwordField('password', texts.oldPassword, 'current-password', problem, oldFirst)}
      ${passwordField('newPassword', texts.newPassword, 'new-password', problem, problem?.field === 'newPassword')}
      ${passwordField('repeatPassword', texts.repeatPassword, 'new-password', undefined, false)}
      <button type="submit">${texts.change}</button>
    </form>`,
    html`<p><a href="${page.cancelUrl}">${texts.cancel}</a></p>`,
  ]);
}

/** For who comes without a login that a device has begun. */
export function aboutPage(language: Language): string {
  const { aboutTitle, about } = TEXTS[language];
  return document(language, aboutTitle, undefined, '/login?', [html`<p>${about}</p>`]);
}

/** For a login that is over. */
export function gonePage(language: Language): string {
  const { goneTitle, gone } = TEXTS[language];
  return document(language, goneTitle, undefined, undefined, [html`<p>${gone}</p>`]);
}

/** The one style sheet; pages have it inside, and the policy names its hash. */
const STYLE = `:root{color-scheme:light dark}
body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:#fff;color:#1a1a1a}
main{max-width:26rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.2}
label{display:block;margin-top:1rem;font-weight:600}
input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;border:1px solid #595959;border-radius:.25rem;background:#fff;color:#1a1a1a}
input[aria-invalid=true]{border:2px solid #a30000}
button{font:inherit;font-weight:600;margin-top:1.5rem;padding:.625rem 1.25rem;min-height:2.75rem;border:0;border-radius:.25rem;background:#0b4f8a;color:#fff}
a{color:#0b4f8a}
:focus-visible{outline:3px solid #c25700;outline-offset:2px}
nav{text-align:right}
.hint{margin:.25rem 0 0;font-size:.875rem;color:#4d4d4d}
.alert{margin:1rem 0;padding:.75rem;border-left:.25rem solid #a30000;background:#fdecec;color:#5c0000}
.alert li{overflow-wrap:anywhere}
p{overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body,input{background:#1a1a1a;color:#f2f2f2}input{border-color:#a6a6a6}input[aria-invalid=true]{border-color:#ff9c9c}a{color:#8cc4ff}.hint{color:#c7c7c7}.alert{background:#3d1212;color:#ffd9d9}:focus-visible{outline-color:#ffb366}}
`;

/** Taken as it is: the policy's hash is over these very characters. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * The policy of a page whose form may lead to `returnOrigin` in the end: browsers apply `form-action` to the redirect that follows, too. No
 * script runs on any page.
 */
export function contentSecurityPolicy(returnOrigin?: string): string {
  // A source cannot be an IPv6 address (CSP3 section 2.3.1).
  const target = returnOrigin?.includes('[') === true ? 'https:' : returnOrigin;
  return [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    'img-src data:',
    `form-action 'self'${target === undefined ? '' : ` ${target}`}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** `switchUrl`: the page's own address, to which `lang=…` is added. */
function document(
  language: Language,
  title: string,
  problem: PageProblem | undefined,
  switchUrl: string | undefined,
  content: readonly (Html | undefined)[],
): string {
  const texts = TEXTS[language];
  const others = LANGUAGES.filter((other) => other !== language);
  const { text } = html`<html lang="${language}">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${problem === undefined ? '' : `${texts.error}: `}${title}</title>
      <link rel="icon" href="data:," />
      ${STYLE_ELEMENT}
    </head>
    <body>
      <main>
        ${
          switchUrl !== undefined &&
          html`<nav>
            ${others.map(
              (other) =>
                html`<a href="${switchUrl}lang=${other}" lang="${other}" hreflang="${other}"
                  >${TEXTS[other].languageName}</a
                >`,
            )}
          </nav>`
        }
        <h1>${title}</h1>
        ${content}
      </main>
    </body>
  </html>`;
  return `<!doctype html>\n${text}\n`;
}

function languageUrl(request: string): string {
  return `/login?request=${encodeURIComponent(request)}&`;
}

function alert(language: Language, problem: PageProblem | undefined): Html | undefined {
  if (problem === undefined) return undefined;
  const texts = TEXTS[language];
  const { message, groups } = problem;
  return html`<div class="alert" id="problem" role="alert" aria-live="assertive">
    <p>${message}</p>
    ${
      groups !== undefined &&
      html`<p>${texts.groups}:</p>
        ${
          groups.length === 0
            ? html`<p>${texts.noGroups}</p>`
            : html`<ul>
                ${groups.map((sid) => html`<li>${sid}</li>`)}
              </ul>`
        }`
    }
  </div>`;
}

function hidden({ request, csrf, language }: PageContext): Html {
  return html`<input type="hidden" name="request" value="${request}" />
    <input type="hidden" name="csrf" value="${csrf}" />
    <input type="hidden" name="lang" value="${language}" />`;
}

function userField({ language, realm, user, problem }: LoginPage, focus: boolean): Html {
  const texts = TEXTS[language];
  return html`<label for="user">${texts.user}</label>
    <input
      id="user"
      name="user"
      type="text"
      value="${user}"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      maxlength="256"
      required
      aria-describedby="user-hint${problem?.field === 'user' && ' problem'}"
      ${problem?.field === 'user' && INVALID}
      ${focus && FOCUS}
    />
    <p class="hint" id="user-hint">${texts.userHint(realm)}</p>`;
}

function passwordField(
  name: 'password' | 'newPassword' | 'repeatPassword',
  label: string,
  autocomplete: string,
  problem: PageProblem | undefined,
  focus: boolean,
): Html {
  const invalid = problem?.field === name;
  return html`<label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="password"
      autocomplete="${autocomplete}"
      required
      ${invalid && html`aria-invalid="true" aria-describedby="problem"`}
      ${focus && FOCUS}
    />`;
}

const INVALID = html`aria-invalid="true"`;
const FOCUS = html`autofocus`;
