/** The client's portable entry, bundled for browsers, in Chromium: a password becomes a ticket that a device opens. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'puppeteer-core';
import t from 'tap';
import { keysOf, verifyApReq } from '../../../src/ap/verify-ap-req.ts';
import { exchangeTcp } from '../../../src/client/node-tcp.ts';
import { readKeytab } from '../../../src/codec/keytab.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { makeCa } from '../../support/certificates.ts';
import { openPage } from '../../support/chromium.ts';
import { startTestProxy } from '../../support/kdc-proxy.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import type { PageLogin, PageResult } from './page.ts';

const SERVICE = ['host', 'device1'];
const PASSWORD = 'Alice. päss 1';

/** What a browser would load for `entry`, and the files that it is made of. */
async function bundle(entry: string): Promise<{ text: string; files: string[] }> {
  const { metafile, outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    write: false,
    metafile: true,
    minify: true,
    logLevel: 'silent',
  });
  return { text: outputFiles.map(({ text }) => text).join(''), files: Object.keys(metafile.inputs) };
}

await t.test('the portable entry is bundled for browsers without anything of Node', async (t) => {
  const { text, files } = await bundle('page.ts');
  t.ok(files.length > 50, `${files.length} files`);
  t.strictSame(
    files.filter((file) => /^node:|\/node(-[^/]*)?\.ts$|dns-packet/.test(file)),
    [],
  );
  t.ok(text.length < 200_000, `${text.length} characters`);
  await t.rejects(
    bundle('../../../src/client/node.ts'),
    /Could not resolve "node:/,
    "Node's entry cannot be",
  );
});

await t.test('in Chromium', { timeout: 120_000 }, async (t) => {
  if (!requirePeer(t, 'chromium', 'openssl')) return;
  const kdc = await startRealmwardKdc(t, {
    users: [{ name: 'alice', password: PASSWORD, right: 'Administrator' }],
    services: [{ name: SERVICE.join('/') }],
    https: { names: ['127.0.0.2'] },
  });
  const keytab = readKeytab(readFileSync(await kdc.exportKeytab(SERVICE.join('/'))));
  const acceptor = {
    crypto: nodeCrypto,
    clock: { microseconds: () => Date.now() * 1000 },
    keys: keysOf(keytab),
    replays: undefined,
  };
  const { text: script } = await bundle('page.ts');
  // A policy as a careful page has it: what is made of text is no code there.
  const policy = "default-src 'none'; script-src 'self'; connect-src 'self'";
  const proxy = await startTestProxy(
    t,
    await (await makeCa(t)).issue(['localhost']),
    (message) => exchangeTcp(kdc, message, AbortSignal.timeout(10_000)),
    (request, response) => {
      const isScript = request.url === '/page.js';
      const type = `${isScript ? 'text/javascript' : 'text/html'}; charset=utf-8`;
      response.writeHead(200, { 'content-type': type, 'content-security-policy': policy });
      response.end(isScript ? script : '<!doctype html><title>Login</title><script src="page.js"></script>');
    },
  );
  const page = await openPage(t);
  await page.goto(`https://localhost:${proxy.port}/`);
  const logIn = (login: Partial<PageLogin> = {}, at = page) =>
    inPage(at, {
      user: `alice@${kdc.realm}`,
      password: PASSWORD,
      service: SERVICE,
      servers: [proxy.url],
      ...login,
    });

  await t.test('a password gets a ticket that the device opens', async (t) => {
    const { error, server, endtime = 0, apReq = [] } = await logIn();
    t.equal(error, undefined);
    t.equal(server, `${SERVICE.join('/')}@${kdc.realm}`);
    t.ok(endtime > Date.now() / 1000);
    const { client } = verifyApReq(acceptor, Uint8Array.from(apReq));
    t.match(client, { realm: kdc.realm, name: { nameString: ['alice'] } });
    t.strictSame(proxy.asked, [kdc.realm, kdc.realm, kdc.realm]);
  });

  await t.test('what goes wrong is told as elsewhere', async (t) => {
    t.strictSame(await logIn({ password: 'wrong' }), { error: 'kdc-err-preauth-failed' });
    t.strictSame(await logIn({ service: ['host', 'nowhere'] }), { error: 'kdc-err-s-principal-unknown' });
    t.strictSame(await logIn({ servers: [`${proxy.url}/nothing`] }), { error: 'no-answer' });
    t.strictSame(await logIn({ servers: ['kdc.example:88'] }), { error: 'no-answer' });
  });

  await t.test("the same through realmward's own /KdcProxy", async (t) => {
    const own = await openPage(t);
    // A page of the server itself, so that it may be asked; what is put into it is not under its policy.
    await own.setBypassCSP(true);
    await own.goto(`https://127.0.0.2:${kdc.port}/`);
    await own.addScriptTag({ content: script });
    const servers = [`https://127.0.0.2:${kdc.port}/KdcProxy`];
    const { error, apReq = [] } = await logIn({ servers }, own);
    t.equal(error, undefined);
    t.strictSame(verifyApReq(acceptor, Uint8Array.from(apReq)).client.name.nameString, ['alice']);
  });

  await t.test('the second proxy is asked when nobody is at the first', async (t) => {
    const { error } = await logIn({ servers: ['https://localhost:9/KdcProxy', proxy.url] });
    t.equal(error, undefined);
  });
});

function inPage(page: Page, login: PageLogin): Promise<PageResult> {
  return page.evaluate(`logIn(${JSON.stringify(login)})`) as Promise<PageResult>;
}
