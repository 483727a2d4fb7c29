/** The login page in a real browser: a person at a device's page, the realm's form, and back again. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'puppeteer-core';
import t from 'tap';
import { openPage } from '../../support/chromium.ts';
import { joinDevice, type JoinedDevice } from '../../support/joined-device.ts';
import { requirePeer } from '../../support/peers.ts';
import { present } from '../../support/present.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import type { Scope } from '../../support/run.ts';
import { webAuthority } from '../../support/web.ts';

const NAME = '127.0.0.2';
const ALICE = { user: 'alice', password: 'Alice.pass1' };

t.setTimeout(240_000);

/** A device's own pages: `/` sends the browser to the realm, `/in` takes it back and shows who it was. */
async function startSite(t: Scope, device: JoinedDevice): Promise<string> {
  const { certificate, key } = await webAuthority.issueServer(['127.0.0.3']);
  let origin = '';
  let state = 0;
  const site: Server = createServer({ cert: certificate, key }, (request, answer) => {
    const url = new URL(request.url ?? '', origin);
    const show = (text: string): void => {
      answer.setHeader('content-type', 'text/html');
      answer.end(`<!doctype html><title>Device</title><p id="who">${text}</p>`);
    };
    void (async () => {
      if (url.pathname === '/') {
        const begun = await device.post('/v1/login/start', {
          returnTo: `${origin}/in`,
          state: `s${++state}`,
        });
        answer.writeHead(302, { location: (begun.body as { url: string }).url }).end();
      } else if (url.searchParams.has('code')) {
        if (url.searchParams.get('state') !== `s${state}`) return show('another login');
        const { body } = await device.post('/v1/login/redeem', { code: url.searchParams.get('code') });
        const { principal, right } = body as { principal: string; right: string };
        show(`${principal} ${right}`);
      } else {
        show(url.searchParams.get('error') ?? 'nothing');
      }
      return undefined;
    })();
  });
  site.listen(0, '127.0.0.3');
  await once(site, 'listening');
  t.teardown(() => {
    site.closeAllConnections();
    site.close();
  });
  origin = `https://127.0.0.3:${(site.address() as AddressInfo).port}`;
  return origin;
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent ?? '');

/** Types at the keyboard alone, into the field that gets the focus a moment after the page is there, and waits for the page that follows. */
async function typeIn(page: Page, ...texts: readonly string[]): Promise<void> {
  await page.waitForSelector('input:focus');
  for (const [i, text] of texts.entries()) {
    if (i > 0) await page.keyboard.press('Tab');
    await page.keyboard.type(text);
  }
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

/** Runs in the page: the least contrast between text and background, over all elements that show text (WCAG 2.2, 1.4.3). */
const LEAST_CONTRAST = `(() => {
  const parts = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).map((part) => part / 255)
      .map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    if (element === null) return 'rgb(255, 255, 255)';
    const color = getComputedStyle(element).backgroundColor;
    return parts(color)[3] === 0 ? background(element.parentElement) : color;
  };
  const elements = document.querySelectorAll('h1, p, a, label, button, input:not([type=hidden]), li');
  return Math.min(...Array.from(elements, (element) => {
    const [light, dark] = [getComputedStyle(element).color, background(element)].map(luminance).toSorted((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }));
})()`;

await t.test('a person logs in to a device in Chromium', async (t) => {
  if (!requirePeer(t, 'chromium')) return;
  const kdc = await startRealmwardKdc(t, {
    https: { names: [NAME] },
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      { name: 'nina', password: 'Nina.pass1' },
    ],
  });
  const device = await joinDevice(kdc, NAME, { host: 'phone1', ...ALICE });
  const site = await startSite(t, device);
  const page = await openPage(t);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));

  for (const scripts of [true, false]) {
    await t.test(`${scripts ? 'with' : 'without'} JavaScript, by the keyboard alone`, async (t) => {
      await page.setJavaScriptEnabled(scripts);
      await page.goto(site);
      t.match(page.url(), new RegExp(`^${device.url('/login')}\\?request=`));
      t.equal(await page.title(), 'Log in to REALM1.EXAMPLE');
      t.match(await textOf(page, '#intro'), /phone1.*https:\/\/127\.0\.0\.3/s, 'which device, and where to');
      await typeIn(page, 'alice', 'wrong');
      t.equal(await page.title(), 'Error: Log in to REALM1.EXAMPLE');
      t.match(await textOf(page, '[role=alert]'), /wrong/);
      await typeIn(page, 'Alice.pass1');
      t.equal(page.url().split('?')[0], `${site}/in`, 'the form leads to the device');
      t.equal(await textOf(page, '#who'), 'alice@REALM1.EXAMPLE Administrator');
    });
  }
  await page.setJavaScriptEnabled(true);

  await t.test('in the language of the person, which is chosen in the page', async (t) => {
    await page.goto(site);
    await Promise.all([page.waitForNavigation(), page.click('nav a')]);
    t.equal(await page.$eval('html', (element) => element.lang), 'de');
    t.equal(await textOf(page, 'button'), 'Anmelden');
    await typeIn(page, 'nina', 'Nina.pass1');
    t.match(await textOf(page, '[role=alert]'), /haben aber kein Recht.*S-1-5-21-/s);
  });

  await t.test('or goes back without logging in', async (t) => {
    await page.goto(site);
    await Promise.all([page.waitForNavigation(), page.click('form ~ p a')]);
    t.equal(await textOf(page, '#who'), 'access_denied');
  });

  await t.test('an expired password is changed on the way', async (t) => {
    await kdc.expirePassword('bob');
    // On a machine that has much to do it takes the server a while to learn of it.
    const isExpired = async (): Promise<boolean> => {
      const { body } = await device.post('/v1/login', { user: 'bob', password: 'Bob.pass1' });
      return (body as { result: string }).result === 'expired_password';
    };
    for (let tries = 0; tries < 50 && !(await isExpired()); tries++) await sleep(100);
    await page.goto(site);
    await typeIn(page, 'bob', 'Bob.pass1');
    t.equal(await textOf(page, 'h1'), 'Choose a new password');
    await typeIn(page, 'Bob.pass1', 'Bob.pass2', 'Bob.pass2');
    t.equal(await textOf(page, '#who'), 'bob@REALM1.EXAMPLE Viewer');
    await page.goto(site);
    await typeIn(page, 'bob', 'Bob.pass1');
    t.match(await textOf(page, '[role=alert]'), /wrong/, 'the old one is no good any more');
  });

  await t.test('a screen reader finds names, roles and what is wrong', async (t) => {
    await page.goto(site);
    await page.waitForSelector('input:focus');
    const nodes = async () => present(await page.accessibility.snapshot({ interestingOnly: false }));
    const flat = (node: Awaited<ReturnType<typeof nodes>>): (typeof node)[] => [
      node,
      ...(node.children ?? []).flatMap(flat),
    ];
    const find = async (role: string, name?: string) =>
      flat(await nodes()).find((one) => one.role === role && (name === undefined || one.name === name));
    t.match(await find('textbox', 'User name'), { focused: true, required: true, description: /REALM/ });
    t.match(await find('textbox', 'Password'), { required: true });
    t.ok(await find('button', 'Log in'));
    t.match(await find('heading', 'Log in to REALM1.EXAMPLE'), { level: 1 });
    t.ok(await find('main'));
    await typeIn(page, 'alice', 'wrong');
    t.ok(await find('alert'));
    await page.waitForSelector('input:focus');
    t.match(await find('textbox', 'Password'), { focused: true, invalid: 'true', description: /wrong/ });
  });

  await t.test('text can be read: contrast of 4.5 to 1 and more, light and dark', async (t) => {
    for (const value of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
      await page.goto(site);
      await typeIn(page, 'alice', 'wrong');
      const least = (await page.evaluate(LEAST_CONTRAST)) as number;
      t.ok(least >= 4.5, `${value}: ${least.toFixed(1)}`);
    }
  });

  await t.test('another origin cannot frame it or log in by a form of its own', async (t) => {
    await page.goto(site);
    const login = page.url();
    await page.goto(`${site}/in`);
    const request = present(new URL(login).searchParams.get('request'));
    const action = device.url('/login');
    await page.setContent(`<iframe src="${login}"></iframe><form method="post" action="${action}">
      <input name="request" value="${request}"><input name="user" value="alice">
      <input name="password" value="Alice.pass1"><button>Log in</button></form>`);
    const frame = await present(await page.$('iframe')).contentFrame();
    t.equal(await frame?.$('#user'), null, 'the frame stays empty');
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    t.equal(page.url(), device.url('/login'));
    t.match(await textOf(page, '[role=alert]'), /came from another page/);
  });

  t.same(
    complaints.filter((text) => !/frame-ancestors|status of 403|Framing/.test(text)),
    [],
    'Chromium has nothing to complain about',
  );
});
