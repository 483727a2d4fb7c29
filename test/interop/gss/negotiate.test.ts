/** Negotiate with programs that we did not write: curl with MIT's library, Java, MIT's GSS-API step by step; and our client at Apache's door. */
import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { concat, utf8 } from '../../../src/base/bytes.ts';
import {
  type ClientContext,
  getInitialTicket,
  negotiate,
  parsePrincipal,
} from '../../../src/client/index.ts';
import { encode } from '../../../src/codec/der/type.ts';
import { encodeFrame } from '../../../src/codec/gss.ts';
import {
  decodeNegTokenResp,
  encodeNegTokenInit,
  encodeNegTokenResp,
  MechTypeList,
  NegState,
} from '../../../src/codec/spnego.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { portableCrypto } from '../../../src/crypto/portable.ts';
import { negotiateHeader, negotiateToken } from '../../../src/http/negotiate-header.ts';
import { MechOid } from '../../../src/spec/mech-oids.ts';
import { APACHE_HOST as HOST, fetchPage, startApache } from '../../support/apache.ts';
import { makeCa } from '../../support/certificates.ts';
import { startGssInitiator } from '../../support/gss-initiator.ts';
import { requireRealmward, startKdc } from '../../support/kdc.ts';
import { negotiating, startSite } from '../../support/negotiating-site.ts';
import { HEIMDAL_ROOT, heimdalLibraryPath, requirePeer } from '../../support/peers.ts';
import { newSession, type Session } from '../../support/session.ts';
import { clientOf } from '../client/client.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

const SID = 'S-1-5-21-1111111111-2222222222-3333333333';
const PASSWORD = 'Alice.pass1';
const ALICE = { realm: 'REALM1.EXAMPLE', name: 'alice', rights: { login: 'Administrator', join: false } };

await t.test('Negotiate', async (t) => {
  if (!requireRealmward(t) || !requirePeer(t, 'mit-client', 'curl')) return;
  const kdc = await startKdc(t, {
    sid: SID,
    users: [
      { name: 'alice', password: PASSWORD, right: 'Administrator' },
      { name: 'vera', password: PASSWORD, right: 'Viewer' },
    ],
    services: [{ name: `HTTP/${HOST}` }],
  });
  const keytab = await kdc.exportKeytab(`HTTP/${HOST}`);
  const site = await negotiating(kdc, { sid: SID, keytab });
  const port = await startSite(t, site);
  const loggedIn = async (user: string, more = {}): Promise<Session> => {
    const session = newSession(kdc, more);
    await session.kinit([user], PASSWORD);
    return session;
  };
  const body = (text: string): unknown => JSON.parse(/^\{.*\}/m.exec(text)?.[0] ?? 'null');

  await t.test(
    "curl --negotiate with MIT's tickets of each etype is let in, and sees the server proven",
    async (t) => {
      for (const etype of ['aes256-sha2', 'aes128-sha2', 'aes256-cts', 'aes128-cts']) {
        const alice = await loggedIn('alice', { libdefaults: { permitted_enctypes: etype } });
        const { status, text } = await fetchPage(alice, port, '--negotiate', '-u', ':');
        t.equal(status, 200, text);
        t.match(body(text), ALICE, etype);
        t.match(text, /^WWW-Authenticate: Negotiate \S+\r$/im);
      }
      const { text } = await fetchPage(await loggedIn('vera'), port, '--negotiate', '-u', ':');
      t.match(body(text), { name: 'vera', rights: { login: 'Viewer' } });
    },
  );

  await t.test('curl without a ticket stays outside, and so does one whose clock is wrong', async (t) => {
    t.equal((await fetchPage(newSession(kdc), port, '--negotiate', '-u', ':')).status, 401);
    t.equal((await fetchPage(newSession(kdc), port)).status, 401);
    if (!requirePeer(t, 'faketime')) return;
    const alice = await loggedIn('alice');
    await alice.run('kvno', [`HTTP/${HOST}`]);
    const late = await alice.run('faketime', ['-f', '+20m', 'curl', ...curl(port)]);
    t.match(late.output, /HTTP\/1.1 401/);
    t.match(late.output, /clock-skew/, 'the server says why');
  });

  await t.test("curl with tickets that Heimdal's kinit has got", async (t) => {
    if (!requirePeer(t, 'heimdal')) return;
    const session = newSession(kdc);
    const file = join(kdc.dir, 'password');
    writeFileSync(file, `${PASSWORD}\n`);
    const kinit = await session.run(
      join(HEIMDAL_ROOT, 'usr/bin/kinit.heimdal'),
      [`--password-file=${file}`, 'alice'],
      {
        env: { LD_LIBRARY_PATH: heimdalLibraryPath() },
      },
    );
    t.equal(kinit.code, 0, kinit.output);
    const { status, text } = await fetchPage(session, port, '--negotiate', '-u', ':');
    t.equal(status, 200, text);
    t.match(body(text), ALICE);
  });

  await t.test("Java's HTTP client negotiates by itself", async (t) => {
    if (!requirePeer(t, 'java')) return;
    const alice = await loggedIn('alice');
    const source = fileURLToPath(new URL('../java/Fetch.java', import.meta.url));
    t.equal((await alice.run('javac', ['-d', kdc.dir, source])).code, 0);
    const jaas = join(kdc.dir, 'jaas.conf');
    writeFileSync(
      jaas,
      'com.sun.security.jgss.krb5.initiate { com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true doNotPrompt=true; };',
    );
    const hosts = join(kdc.dir, 'hosts');
    writeFileSync(hosts, `127.0.0.1 ${HOST}\n`);
    const { output } = await alice.run('java', [
      `-Djdk.net.hosts.file=${hosts}`,
      `-Djava.security.krb5.conf=${alice.env['KRB5_CONFIG']}`,
      '-Djavax.security.auth.useSubjectCredsOnly=false',
      `-Djava.security.auth.login.config=${jaas}`,
      '-XX:TieredStopAtLevel=1',
      ...['-cp', kdc.dir, 'Fetch', `http://${HOST}:${port}/`],
    ]);
    t.match(output, /^200$/m);
    t.match(body(output), ALICE);
    t.match(output, /^Negotiate \S+$/m);
  });

  await t.test("MIT's GSS-API", async (t) => {
    if (!requirePeer(t, 'python-gssapi')) return;
    const gss = startGssInitiator(t, await loggedIn('alice'));

    await t.test('takes our answer for that of the server, in SPNEGO and without', async (t) => {
      for (const mech of [MechOid.SPNEGO, MechOid.KRB5]) {
        const { token } = await gss.begin(HOST, { mech });
        const answer = site.authenticate(negotiateHeader(token), {});
        if (answer?.result !== 'accepted') return t.fail(JSON.stringify(answer));
        t.match(site.person(answer), ALICE);
        t.strictSame(await gss.step(answer.reply as Uint8Array), {
          token: undefined,
          complete: true,
          error: undefined,
        });
      }
      return undefined;
    });

    await t.test(
      'exchanges MICs of the list of mechanisms with us, where its Kerberos was not the first choice',
      async (t) => {
        const mechTypes = [MechOid.NTLM, MechOid.KRB5];
        const list = encode(MechTypeList, mechTypes).slice();
        const connection = {};
        const offer = encodeFrame({
          mech: MechOid.SPNEGO,
          inner: encodeNegTokenInit({ mechTypes, mechToken: utf8('NTLMSSP\0') }),
        });
        t.match(site.authenticate(negotiateHeader(offer), connection), { result: 'continue' });
        const { token: responseToken } = await gss.begin(HOST, { mech: MechOid.KRB5 });
        const second = site.authenticate(negotiateHeader(encodeNegTokenResp({ responseToken })), connection);
        const reply = decodeNegTokenResp(negotiateToken(second?.header) as Uint8Array);
        t.equal(reply.negState, NegState.ACCEPT_INCOMPLETE);
        t.match(await gss.step(reply.responseToken as Uint8Array), { complete: true, error: undefined });
        const theirs = reply.mechListMic as Uint8Array;
        t.equal(await gss.verify(list, theirs), undefined, 'MIT finds our MIC right');
        t.ok(await gss.verify(concat(list, Uint8Array.of(0)), theirs), 'and would notice a wrong one');
        const mechListMic = await gss.mic(list);
        const last = site.authenticate(
          negotiateHeader(encodeNegTokenResp({ negState: 0, mechListMic })),
          connection,
        );
        t.match(last, { result: 'accepted', header: undefined });
      },
    );

    await t.test('binds to the channel as we do', async (t) => {
      if (!requirePeer(t, 'openssl')) return;
      const { cert } = await (await makeCa(t)).issue([HOST]);
      const certificate = new Uint8Array(new X509Certificate(cert).raw);
      const bound = await negotiating(kdc, { sid: SID, keytab, certificates: [certificate] });
      const hash = createHash('sha256').update(certificate).digest();
      const bindings = concat(utf8('tls-server-end-point:'), new Uint8Array(hash));
      const ask = async (data: Uint8Array | undefined) => {
        const { token } = await gss.begin(HOST, {
          mech: MechOid.SPNEGO,
          ...(data === undefined ? {} : { bindings: data }),
        });
        return bound.authenticate(negotiateHeader(token), {});
      };
      t.match(await ask(bindings), { result: 'accepted', bound: true });
      t.match(await ask(undefined), { result: 'accepted', bound: false });
      const other = bindings.slice();
      other[30] = (other[30] as number) ^ 1;
      t.match(await ask(other), { result: 'refused', error: { code: 'channel-bindings' } });

      const context = clientOf([kdc]);
      const { header } = await negotiate(context, await ticketOf(context), HOST, { certificate });
      t.match(
        bound.authenticate(header, {}),
        { result: 'accepted', bound: true },
        'and so does our own client',
      );
    });
  });

  await t.test('our client proves itself to Apache, and Apache to it', async (t) => {
    if (!requirePeer(t, 'apache')) return;
    const apache = await startApache(t, kdc, keytab);
    for (const crypto of [nodeCrypto, portableCrypto]) {
      const context = { ...clientOf([kdc]), crypto };
      const first = await negotiate(context, await ticketOf(context), HOST);
      const answer = await get(apache, first.header);
      t.match(answer, { status: 200, body: 'the device\n' });
      t.doesNotThrow(() => first.verify(answer.authenticate));
      t.throws(() => first.verify(undefined), { code: 'mutual-failed' });
      const second = await negotiate(context, first.credential, HOST);
      t.throws(() => second.verify(answer.authenticate), { code: 'mutual-failed' }, 'an old answer');
      t.equal((await get(apache, second.header)).status, 200, 'its ticket serves again');
      t.equal((await get(apache, second.header)).status, 401, 'but no request does');
    }
  });
});

/** The user of these tests, logged in by our own client. */
function ticketOf(context: ClientContext) {
  return getInitialTicket(context, {
    client: parsePrincipal(`alice@${ALICE.realm}`),
    proof: { password: PASSWORD },
  });
}

function curl(port: number): string[] {
  return [
    ...['--silent', '--show-error', '--include', '--negotiate', '-u', ':'],
    ...['--resolve', `${HOST}:${port}:127.0.0.1`, `http://${HOST}:${port}/`],
  ];
}

function get(port: number, authorization: string) {
  return new Promise<{ status: number; body: string; authenticate: string | undefined }>(
    (resolve, reject) => {
      const headers = { authorization, host: HOST };
      request({ host: '127.0.0.1', port, path: '/status.txt', headers, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body,
            authenticate: response.headers['www-authenticate'],
          }),
        );
      })
        .on('error', reject)
        .end();
    },
  );
}
