import t from 'tap';
import { AD_REALM } from '../support/foreign-tickets.ts';
import { type LoginApp, ORIGIN, PlainBrowser, startLoginApp } from '../support/login-app.ts';
import { REALM } from '../support/memory-realm.ts';
import { present } from '../support/present.ts';
import { PASSWORD } from '../support/two-realms.ts';

const BOB = { user: 'bob', password: 'Bob.pass1' };

/** A browser at the page of a login that has just begun. */
async function visit(login: LoginApp, { language = 'en', ...fields }: Record<string, string> = {}) {
  const url = await login.begin(fields);
  const browser = new PlainBrowser(login.app, language);
  await browser.open(url);
  return { browser, url };
}

/** Where a browser was sent, and with what. */
function sentTo(answer: { headers: Record<string, unknown> }): URL {
  return new URL(String(answer.headers['location']));
}

await t.test('a login by page', async (t) => {
  const login = await startLoginApp(t);
  const { post, events } = login;

  await t.test(
    'leads back to the device with a code, for which it gets what /v1/login answers',
    async (t) => {
      const begun = await post('/v1/login/start', {
        returnTo: 'https://phone1.example/in?page=1',
        state: 's-1',
      });
      t.equal(begun.statusCode, 200);
      const { url, expiresIn } = begun.json<{ url: string; expiresIn: number }>();
      t.match(url, new RegExp(`^${ORIGIN}/login\\?request=[\\w-]{43}$`));
      t.equal(expiresIn, 600);
      const browser = new PlainBrowser(login.app);
      const page = await browser.open(url.slice(ORIGIN.length));
      t.equal(page.statusCode, 200);
      t.match(page.body, /phone1/, 'the person sees which device');
      t.match(page.body, /https:\/\/phone1\.example/, 'and where it leads to');
      const answer = await browser.submit(BOB);
      t.equal(answer.statusCode, 303);
      const target = sentTo(answer);
      t.equal(target.origin + target.pathname, 'https://phone1.example/in');
      t.equal(target.searchParams.get('page'), '1');
      t.equal(target.searchParams.get('state'), 's-1');
      const code = present(target.searchParams.get('code'));
      t.match(code, /^[\w-]{43}$/);
      const redeemed = await post('/v1/login/redeem', { code });
      t.equal(redeemed.statusCode, 200);
      t.match(redeemed.json(), {
        result: 'granted',
        principal: `bob@${REALM}`,
        realm: REALM,
        right: 'Administrator',
        ticket: /^[A-Za-z0-9+/]+=*$/,
      });
      t.equal((await post('/v1/login/redeem', { code })).statusCode, 403, 'once');
      t.equal((await browser.open(url.slice(ORIGIN.length))).statusCode, 404, 'the login is over');
      t.match(
        events.map(({ action, result }) => `${action} ${result}`),
        ['start started', 'page-login granted', 'redeem redeemed', 'redeem refused'],
      );
      t.notOk(
        events.some((event) => JSON.stringify(event).includes(code)),
        'no code in the log',
      );
    },
  );

  await t.test('users of a trusted realm log in the same way', async (t) => {
    const { browser } = await visit(login);
    t.equal((await browser.submit({ user: `${AD_REALM}\\alice`, password: PASSWORD })).statusCode, 303);
  });

  await t.test(
    'a code is good for a minute, for its device alone, and gone once anybody else has shown it',
    async (t) => {
      const codeFor = async (): Promise<string> => {
        const { browser } = await visit(login);
        return present(sentTo(await browser.submit(BOB)).searchParams.get('code'));
      };
      const stolen = await codeFor();
      t.match((await post('/v1/login/redeem', { code: stolen }, 'phone2')).json(), { error: 'bad-code' });
      t.equal((await post('/v1/login/redeem', { code: stolen })).statusCode, 403);
      const late = await codeFor();
      login.timer.time += 60_001;
      t.equal((await post('/v1/login/redeem', { code: late })).statusCode, 403);
      t.equal((await post('/v1/login/redeem', { code: 'guessed' })).statusCode, 403);
    },
  );

  await t.test('a login that has begun is good for ten minutes, and for ten failures', async (t) => {
    const { browser, url } = await visit(login);
    login.timer.time += 600_001;
    t.equal((await browser.submit(BOB)).statusCode, 404);
    t.equal((await browser.open(url)).statusCode, 404);
    const next = await visit(login);
    for (let i = 0; i < 10; i++) await next.browser.submit({ user: 'nobody', password: 'wrong' });
    await next.browser.open(next.url);
    t.equal(next.browser.page?.statusCode, 404);
  });

  await t.test('a device may have 64 under way', async (t) => {
    const { app } = login;
    const statuses = [];
    const body = { returnTo: 'https://phone3.example/' };
    for (let i = 0; i < 65; i++) statuses.push((await post('/v1/login/start', body, 'phone3')).statusCode);
    t.same(new Set(statuses.slice(0, 64)), new Set([200]));
    t.equal(statuses[64], 429);
    t.equal((await post('/v1/login/start', body, 'phone2')).statusCode, 200, 'others go on');
    login.timer.time += 600_001;
    t.equal((await post('/v1/login/start', body, 'phone3')).statusCode, 200, 'they end by themselves');
    t.ok(app);
  });
});

await t.test('the page tells a person what went wrong', async (t) => {
  const login = await startLoginApp(t);
  const { ours, theirs } = login.proving.realms;
  await ours.addUser('gone', 'Gone.pass1', { disabled: true });
  const tryOnce = async (fields: Record<string, string>, language = 'en') => {
    const { browser } = await visit(login, { language });
    return browser.submit(fields);
  };

  await t.test('in one way for a wrong password and an unknown name', async (t) => {
    const plain = (body: string): string => body.replaceAll(/value="[^"]*"|request=[\w-]+/g, '');
    const wrong = await tryOnce({ user: 'bob', password: 'wrong' });
    const unknown = await tryOnce({ user: 'nobody', password: 'wrong' });
    t.equal(wrong.statusCode, 403);
    t.match(wrong.body, /The user name or the password is wrong/);
    t.equal(plain(unknown.body), plain(wrong.body));
    t.match(wrong.body, /value="bob"/, 'the name stays');
    t.notMatch(wrong.body, /value="wrong"/, 'the password does not');
  });

  await t.test('corrects the name of a realm', async (t) => {
    const answer = await tryOnce({ user: 'ad\\carol', password: PASSWORD });
    t.match(answer.body, new RegExp(`The realm is called ${AD_REALM}`));
    t.match(answer.body, new RegExp(`value="${AD_REALM}\\\\carol"`));
    const other = await tryOnce({ user: 'carol@ad.example.test', password: PASSWORD });
    t.match(other.body, new RegExp(`value="${AD_REALM}\\\\carol"`));
  });

  await t.test('shows the groups of who has no right', async (t) => {
    const answer = await tryOnce({ user: `mallory@${AD_REALM}`, password: PASSWORD });
    t.equal(answer.statusCode, 403);
    t.match(answer.body, /You are mallory@AD\.EXAMPLE\.TEST, but you have no right/);
    t.match(answer.body, /<li>S-1-5-21-/);
  });

  await t.test('locked, clock, nothing typed', async (t) => {
    t.match((await tryOnce({ user: 'gone', password: 'Gone.pass1' })).body, /cannot log in at the moment/);
    theirs.clock.advance(700);
    t.match((await tryOnce({ user: `${AD_REALM}\\carol`, password: PASSWORD })).body, /700 seconds/);
    theirs.clock.advance(-700);
    t.match((await tryOnce({ user: '', password: '' })).body, /Type a user name and a password/);
  });

  await t.test('in German, where the browser prefers it or the person chooses it', async (t) => {
    t.match(
      (await tryOnce({ user: 'bob', password: 'x' }, 'de-AT,de;q=0.9,en;q=0.5')).body,
      /Passwort ist falsch/,
    );
    t.match(
      (await tryOnce({ user: 'bob', password: 'x' }, 'fr, en;q=0.2, de;q=0.1')).body,
      /password is wrong/,
    );
    const { browser, url } = await visit(login);
    const link = present(/href="([^"]*)" lang="de"/.exec(browser.page?.body ?? '')?.[1]).replaceAll(
      '&#38;',
      '&',
    );
    t.equal(link, `${url}&lang=de`);
    const german = await browser.open(link);
    t.match(german.body, /<html lang="de">/);
    t.match(german.body, />Anmelden</);
    t.match(
      (await browser.submit({ user: 'bob', password: 'x' })).body,
      /<html lang="de">/,
      'and it stays so',
    );
  });
});

await t.test('an expired password is changed on the way', async (t) => {
  const login = await startLoginApp(t);
  const { ours } = login.proving.realms;
  await ours.addUser('old', 'Old.pass1', { passwordExpires: 1, right: 'Viewer' });
  const { browser } = await visit(login);
  const form = await browser.submit({ user: 'old', password: 'Old.pass1' });
  t.match(form.body, /Choose a new password/);
  t.match(form.body, /value="old"/);
  t.notMatch(form.body, /Old\.pass1/);
  const passwords = { password: 'Old.pass1', newPassword: 'New.pass1', repeatPassword: 'New.pass1' };
  const differ = await browser.submit({ ...passwords, repeatPassword: 'Other.pass1' });
  t.match(differ.body, /The two new passwords differ/);
  login.changes = async () => ({ result: 'rejected', reason: 'r', message: 'Too <short>.', hint: '' });
  const rejected = await browser.submit(passwords);
  t.match(rejected.body, /The new password was not accepted\. Too &#60;short&#62;\./);
  login.changes = async ({ user, newPassword }) => {
    await ours.addUser(user, new TextDecoder().decode(newPassword), { right: 'Viewer' });
    return { result: 'changed' };
  };
  const done = await browser.submit(passwords);
  t.equal(done.statusCode, 303);
  const code = sentTo(done).searchParams.get('code');
  t.match((await login.post('/v1/login/redeem', { code })).json(), {
    principal: `old@${REALM}`,
    right: 'Viewer',
  });
  t.match(
    login.events.map(({ action, result }) => `${action} ${result}`),
    [
      'start started',
      'page-login expired_password',
      'page-change rejected',
      'page-change changed',
      'page-login granted',
    ],
  );
});

await t.test('GET /login without a login explains itself', async (t) => {
  const { app } = await startLoginApp(t);
  const browser = new PlainBrowser(app);
  const page = await browser.open('/login');
  t.equal(page.statusCode, 200);
  t.match(page.body, /opened by a device/);
  t.notMatch(page.body, /<form/);
  t.match((await browser.open('/login?lang=de')).body, /von einem Gerät/);
  const unknown = await browser.open('/login?request=x&request=y');
  t.equal(unknown.statusCode, 404);
});

await t.test('OWASP ASVS 5 level 2', async (t) => {
  const login = await startLoginApp(t);
  const { app } = login;

  await t.test('V3.2.2, V1.2.1: what comes from outside is text on the page, never markup', async (t) => {
    const { browser } = await visit(login);
    const attack = '"><script>alert(1)</script>\'&';
    const answer = await browser.submit({ user: attack, password: 'x' });
    t.notMatch(answer.body, /<script/);
    t.match(answer.body, /value="&#34;&#62;&#60;script&#62;alert\(1\)&#60;\/script&#62;&#39;&#38;"/);
  });

  await t.test(
    'V3.3.1, V3.3.2, V3.3.3, V3.3.4: the cookie is __Host-, Secure, HttpOnly and SameSite',
    async (t) => {
      const page = await app.inject(await login.begin());
      t.match(
        page.headers['set-cookie'],
        /^__Host-realmward-login=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      );
    },
  );

  await t.test(
    'V3.4.3: a content security policy without scripts, that names where the form may lead',
    async (t) => {
      const { browser } = await visit(login);
      const policy = String(browser.page?.headers['content-security-policy']);
      t.match(policy, /default-src 'none'/);
      t.match(policy, /style-src 'sha256-[^']+'/);
      t.match(policy, /form-action 'self' https:\/\/phone1\.example(;|$)/);
      t.match(policy, /base-uri 'none'/);
      t.notMatch(policy, /unsafe|script-src/);
      t.match(
        (await browser.submit(BOB)).headers['content-security-policy'],
        /form-action 'self' https:\/\/phone1\.example/,
      );
      const six = await visit(login, { returnTo: 'https://[2001:db8::1]:8443/' });
      t.match(
        six.browser.page?.headers['content-security-policy'],
        /form-action 'self' https:;/,
        'no source is an IPv6 address',
      );
    },
  );

  await t.test('V3.4.1, V3.4.4, V3.4.5, V3.4.6: HSTS, nosniff, no referrer, no frames', async (t) => {
    const { browser } = await visit(login);
    t.match(browser.page?.headers, {
      'strict-transport-security': /max-age=31536000/,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': /frame-ancestors 'none'/,
    });
  });

  await t.test('V14.3.2: nothing is kept in a cache', async (t) => {
    const { browser } = await visit(login);
    t.equal(browser.page?.headers['cache-control'], 'no-store');
    t.equal((await browser.submit(BOB)).headers['cache-control'], 'no-store');
    t.equal((await login.post('/v1/login', BOB)).headers['cache-control'], 'no-store');
  });

  await t.test(
    'V3.5.1: a form counts only from our page, in the browser and for the login that it was made for',
    async (t) => {
      const asked = login.proving.realms.asked.length;
      const mine = await visit(login);
      const theirs = await visit(login);
      const token = (browser: PlainBrowser): string =>
        present(/name="csrf" value="([^"]+)"/.exec(browser.page?.body ?? '')?.[1]);
      const forged = async (browser: PlainBrowser, fields: Record<string, string>): Promise<number> => {
        const request = mine.url.split('=')[1] as string;
        const form = new URLSearchParams({ request, ...BOB, ...fields }).toString();
        return (await browser.send('/login', form)).statusCode;
      };
      t.equal(await forged(mine.browser, {}), 403, 'no token');
      t.equal(await forged(mine.browser, { csrf: 'x'.repeat(43) }), 403, 'an invented one');
      t.equal(await forged(mine.browser, { csrf: token(theirs.browser) }), 403, "another browser's");
      const stranger = new PlainBrowser(app);
      const csrf = token(mine.browser);
      t.equal(await forged(stranger, { csrf }), 403, 'without the cookie');
      const second = await login.begin();
      await theirs.browser.open(second);
      t.equal(await forged(theirs.browser, { csrf: token(theirs.browser) }), 403, 'of another login');
      t.match(stranger.page?.body, /came from another page/);
      t.equal(login.proving.realms.asked.length, asked, 'nobody was asked about the password');
      t.match(login.events.at(-1), { action: 'page-login', result: 'refused', reason: 'foreign-form' });
    },
  );

  await t.test(
    'V3.7.2, V10.4.1: no open redirect, only where the device itself has said, over HTTPS',
    async (t) => {
      const { browser } = await visit(login);
      const answer = await browser.submit({
        ...BOB,
        returnTo: 'https://evil.example/',
        next: '//evil.example',
      });
      t.equal(sentTo(answer).host, 'phone1.example');
      for (const returnTo of [
        'http://phone1.example/',
        'javascript:alert(1)',
        'https://user:pw@phone1.example/',
        'https://phone1.example/#x',
        'https://a;script-src *.example/',
        'https://a;b.example/',
        "https://a'b.example/",
        '//phone1.example/',
        '/in',
        '',
        `https://phone1.example/${'x'.repeat(2000)}`,
      ]) {
        const refused = await login.post('/v1/login/start', { returnTo });
        t.equal(refused.statusCode, 400, returnTo.slice(0, 60));
        t.match(refused.json(), { error: 'bad-return-to' });
      }
    },
  );

  await t.test('V6.2.6, V6.2.7: password managers and pasting work, the password is not shown', async (t) => {
    const { browser } = await visit(login);
    const body = browser.page?.body ?? '';
    t.match(body, /type="password"\s+autocomplete="current-password"/);
    t.match(body, /autocomplete="username"/);
    t.notMatch(body, /onpaste|oncopy|maxlength="\d+"[^>]*type="password"/);
  });

  await t.test('V6.2.8, V6.2.9: passwords are taken as they are, 64 characters and more', async (t) => {
    const password = ` ${'ä'.repeat(150)} Bob `;
    await login.proving.realms.ours.addUser('long', password, { right: 'Viewer' });
    const { browser } = await visit(login);
    t.equal((await browser.submit({ user: 'long', password })).statusCode, 303);
  });

  await t.test('V6.3.1: guessing is slowed down and bounded by address', async (t) => {
    const limited = await startLoginApp(t, { limit: { maxFailures: 3, window: 600 } });
    for (let i = 0; i < 3; i++) await limited.post('/v1/login', { user: `u${i}`, password: 'Summer2026' });
    t.match((await limited.post('/v1/login', BOB)).json(), { result: 'locked' });
    t.ok(limited.proving.timer.slept.length === 3, 'and refusals are late');
  });

  await t.test('V10.4.2, V10.4.3: codes are used once, and live for a minute at most', async (t) => {
    const { browser } = await visit(login);
    const code = sentTo(await browser.submit(BOB)).searchParams.get('code');
    t.equal((await login.post('/v1/login/redeem', { code })).statusCode, 200);
    t.equal((await login.post('/v1/login/redeem', { code })).statusCode, 403);
  });

  await t.test(
    'V14.2.1: neither password nor code of a form stand in an address that is asked for',
    async (t) => {
      const { browser, url } = await visit(login);
      t.match(browser.page?.body, /<form\s+method="post"/);
      t.equal(
        (await app.inject({ method: 'GET', url: `${url}&user=bob&password=Bob.pass1` })).statusCode,
        200,
      );
      t.notMatch(
        login.events.at(-1),
        { action: 'page-login', result: 'granted' },
        'a password in an address is no login',
      );
    },
  );

  await t.test('V16.3.1: every login is in the log, with who, from where, and at which device', async (t) => {
    const { browser } = await visit(login);
    await browser.submit({ user: 'bob', password: 'wrong' });
    t.match(login.events.at(-1), {
      action: 'page-login',
      result: 'refused',
      reason: 'kdc-err-preauth-failed',
      device: 'phone1',
      user: 'bob',
      address: '127.0.0.1',
    });
    await browser.submit({ user: 'my pass\u0007word', password: 'wrong' });
    t.equal(login.events.at(-1)?.user, undefined, 'what cannot be a name may be a password');
    t.notMatch(JSON.stringify(login.events), /pass1|Correct/);
  });

  await t.test('forms that cannot be read are refused', async (t) => {
    const browser = new PlainBrowser(app);
    for (const form of ['user=%zz', 'user=a&user=b', 'user=%ff', 'password=%ff', 'a&'.repeat(40)]) {
      t.equal((await browser.send('/login', form)).statusCode, 400, form.slice(0, 20));
    }
    t.equal((await browser.send('/login', `user=${'x'.repeat(20_000)}`)).statusCode, 413);
    t.equal((await browser.send('/login', '')).statusCode, 404);
    const json = await app.inject({
      method: 'POST',
      url: '/login',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    t.equal(json.statusCode, 415);
  });
});
