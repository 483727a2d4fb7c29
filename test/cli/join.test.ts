import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Key } from '../../src/base/key.ts';
import { readKeytab, writeKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { makeCa } from '../support/certificates.ts';
import { startHttps } from '../support/kdc-proxy.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/run.ts';
import { realmwardHost, type Shell } from '../support/transcript.ts';

const cli = realmwardHost(t);

/** What a server got. */
interface Got {
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}
type Reply = (got: Got) => { status: number; body?: unknown; headers?: Record<string, string> } | 'hang up';

const keytab = (host: string, kvno = 1): string =>
  Buffer.from(
    writeKeytab([
      {
        realm: 'REALM1.EXAMPLE',
        name: { nameType: 1, nameString: ['host', host] },
        timestamp: 1_800_000_000,
        kvno,
        key: new Key(18, nodeCrypto.randomBytes(32)),
      },
    ]),
  ).toString('base64');

const joined: Reply = ({ body }) => ({
  status: 200,
  body: {
    realm: 'REALM1.EXAMPLE',
    device: { host: body['host'], principals: [`host/${String(body['host'])}@REALM1.EXAMPLE`], kvno: 1 },
    keytab: keytab(String(body['host'])),
    token: 'rwd_token',
    servers: { kdc: [], kpasswd: [], https: [] },
    ca: 'the CA',
  },
});
const refused =
  (status: number, error: string): Reply =>
  () => ({
    status,
    body: { error, message: `No: ${error}.`, hint: 'Do something else.' },
  });

if (requirePeer(t, 'openssl')) {
  const ca = await makeCa(t);
  const other = await makeCa(t, 'Another CA');
  const certified = await ca.issue(['localhost']);
  const misnamed = await ca.issue(['other.example']);

  /** A server that gives these replies, the last one for ever, and a shell with password and CA in files. */
  const setUp = async (t: Test, replies: Reply[], certificate = certified) => {
    const got: Got[] = [];
    const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      let text = '';
      for await (const piece of request) text += String(piece);
      const { authorization } = request.headers;
      got.push({ authorization, body: JSON.parse(text) as Got['body'] });
      const reply = (replies.length > 1 ? replies.shift() : replies[0]) as Reply;
      const answer = reply(got.at(-1) as Got);
      if (answer === 'hang up') return void request.socket.destroy();
      const { status, body = {}, headers } = answer;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const port = await startHttps(t, certificate, (request, response) => void serve(request, response));
    const shell: Shell = { cwd: temporaryFolder(t) };
    const path = (name: string): string => join(shell.cwd, name);
    writeFileSync(path('ca.pem'), ca.cert);
    writeFileSync(path('password'), 'Geheim 4711: ü\n', { mode: 0o600 });
    const command = (...more: string[]): string[] => [
      ...['join', '--server', `https://localhost:${port}`, '--host', 'SN-1', '--keytab', 'kt'],
      ...more,
    ];
    const stage = (...more: string[]): string[] =>
      command('--user', 'stage', '--password-file', 'password', '--ca', 'ca.pem', ...more);
    return { got, shell, path, command, stage };
  };

  await t.test('join', async (t) => {
    await t.test('writes the keytab for its owner alone, and what else is asked for', async (t) => {
      const { got, shell, path, stage } = await setUp(t, [joined]);
      const more = ['--http', '--etypes', 'aes256-sha1,aes128-sha1', '--serial', 'S 1', '--model', 'phone'];
      const { code, stdout } = await cli(shell, stage(...more, '--token-out', 'token', '--ca-out', 'ca2'));
      t.equal(code, 0);
      t.equal(stdout, 'Joined host/SN-1@REALM1.EXAMPLE: key version 1, written to kt.\n');
      t.match(readKeytab(readFileSync(path('kt'))), [{ name: { nameString: ['host', 'SN-1'] } }]);
      for (const file of ['kt', 'token']) t.equal(statSync(path(file)).mode & 0o777, 0o600, file);
      t.equal(readFileSync(path('token'), 'utf8'), 'rwd_token\n');
      t.equal(readFileSync(path('ca2'), 'utf8'), 'the CA');
      t.notOk(existsSync(path('kt.joining')));
      t.ok(existsSync(path('password')));
      t.match(got, [
        {
          authorization: `Basic ${Buffer.from('stage:Geheim 4711: ü').toString('base64')}`,
          body: {
            host: 'SN-1',
            http: true,
            etypes: ['aes256-sha1', 'aes128-sha1'],
            serial: 'S 1',
            model: 'phone',
            requestId: /^[0-9a-f-]{36}$/,
          },
        },
      ]);
    });

    await t.test('tries again what nobody answered, with the same request id, and joins once', async (t) => {
      const busy: Reply = () => ({
        status: 503,
        body: { error: 'busy', message: 'Busy.' },
        headers: { 'retry-after': '1' },
      });
      const { got, shell, path, stage } = await setUp(t, [() => 'hang up', busy, joined]);
      const { code, stderr } = await cli(shell, stage());
      t.equal(code, 0);
      t.equal(got.length, 3);
      t.equal(new Set(got.map(({ body }) => body['requestId'])).size, 1);
      t.match(stderr, /cannot be asked: .*Trying again in \d\.\d seconds\./);
      t.match(stderr, /Busy\.\. Trying again in 1\.0 seconds|Busy\. Trying again in 1\.0 seconds/);
      t.notMatch(stderr, 'Geheim');
      t.ok(existsSync(path('kt')));
    });

    await t.test('goes on with its request when it was stopped, also by its own patience', async (t) => {
      const { got, shell, path, stage } = await setUp(t, [() => 'hang up', () => 'hang up', joined]);
      const { code, stderr } = await cli(shell, stage('--give-up-after', '0s'));
      t.equal(code, 7, stderr);
      t.ok(existsSync(path('kt.joining')));
      t.equal(statSync(path('kt.joining')).mode & 0o777, 0o600);
      t.equal((await cli(shell, stage('--give-up-after', '0s'))).code, 7);
      t.equal((await cli(shell, stage('--give-up-after', '0s'))).code, 0);
      t.equal(new Set(got.map(({ body }) => body['requestId'])).size, 1);
      t.notOk(existsSync(path('kt.joining')));
    });

    await t.test('asks with a new id when something else is asked for', async (t) => {
      const { got, shell, stage } = await setUp(t, [() => 'hang up', joined]);
      await cli(shell, stage('--give-up-after', '0s'));
      t.equal((await cli(shell, stage('--http'))).code, 0);
      t.equal(new Set(got.map(({ body }) => body['requestId'])).size, 2);
    });

    await t.test(
      'does nothing where the keytab has keys of the device, unless --again says so',
      async (t) => {
        const { got, shell, path, stage } = await setUp(t, [joined]);
        writeFileSync(path('kt'), Buffer.from(keytab('sn-1'), 'base64'), { mode: 0o600 });
        const { code, stdout } = await cli(shell, stage());
        t.equal(code, 0);
        t.equal(stdout, 'kt has keys of host/sn-1 already: nothing was done.\n');
        t.equal(got.length, 0);
        t.equal((await cli(shell, stage('--again'))).code, 0);
        t.equal(readKeytab(readFileSync(path('kt'))).length, 2, 'the older keys stay in it');
      },
    );

    await t.test('tries nothing twice that the server refuses, a wrong password above all', async (t) => {
      for (const [status, error, exit] of [
        [401, 'refused', 6],
        [403, 'may-not-join', 6],
        [409, 'already-joined', 4],
        [400, 'bad-host', 2],
        [404, 'not-found', 1],
      ] as const) {
        const { got, shell, path, stage } = await setUp(t, [refused(status, error)]);
        const { code, stderr } = await cli(shell, stage('--wipe'));
        t.equal(code, exit, stderr);
        t.equal(got.length, 1);
        t.match(
          stderr,
          error === 'not-found' ? /does not answer as a realmward server/ : new RegExp(`No: ${error}`),
        );
        t.notOk(existsSync(path('kt')));
        t.equal(existsSync(path('kt.joining')), exit === 6, 'with another password there may be an answer');
        t.ok(existsSync(path('password')), 'what has not worked may be needed again');
      }
    });

    await t.test('takes a join token, and wipes what it was in', async (t) => {
      const { got, shell, path, command } = await setUp(t, [joined]);
      writeFileSync(path('token'), 'rwj_abc\n', { mode: 0o600 });
      const boot = command('--host', 'sn-1', '--token-file', 'token', '--ca', 'ca.pem', '--wipe');
      t.equal((await cli(shell, boot)).code, 0);
      t.match(got, [{ authorization: 'Bearer rwj_abc' }]);
      t.notOk(existsSync(path('token')));

      const { code, stdout } = await cli(shell, boot);
      t.equal(code, 0, 'at the next boot there is no token, and no need of one');
      t.match(stdout, 'nothing was done');
      t.equal(got.length, 1);
    });

    await t.test('writes the keytab last, as it says that all is done', async (t) => {
      const { got, shell, path, stage } = await setUp(t, [joined]);
      t.not((await cli(shell, stage('--token-out', 'not/there', '--wipe'))).code, 0);
      t.notOk(existsSync(path('kt')));
      t.ok(existsSync(path('password')));
      t.equal((await cli(shell, stage('--token-out', 'token'))).code, 0);
      t.ok(existsSync(path('token')));
      t.equal(new Set(got.map(({ body }) => body['requestId'])).size, 1, 'the same answer was asked for');
    });

    await t.test('asks nobody where the keytab could not be written', async (t) => {
      const { got, shell, stage } = await setUp(t, [joined]);
      const { code, stderr } = await cli(shell, stage('--keytab', 'not/there/kt'));
      t.equal(code, 3);
      t.match(stderr, 'there is no folder not/there for the keytab');
      t.equal(got.length, 0);
    });

    await t.test('reads the password from standard input', async (t) => {
      const { got, shell, command } = await setUp(t, [joined]);
      const args = command('--user', 'alice@AD.EXAMPLE', '--password-stdin', '--ca', 'ca.pem');
      t.equal((await cli(shell, args, 'pw\n')).code, 0);
      t.match(got, [{ authorization: `Basic ${Buffer.from('alice@AD.EXAMPLE:pw').toString('base64')}` }]);
    });
  });

  await t.test('join sends no secret to a server that it cannot trust', async (t) => {
    const trusts = async (certificate: typeof certified, ...options: string[]) => {
      const { got, shell, path, command } = await setUp(t, [joined], certificate);
      writeFileSync(path('other.pem'), other.cert);
      const args = command('--user', 'stage', '--password-file', 'password', ...options);
      const { code, stderr } = await cli(shell, args);
      t.equal(got.length, code === 0 ? 1 : 0, stderr);
      return code;
    };
    t.equal(await trusts(certified), 6, 'no trust on first use');
    t.equal(await trusts(certified, '--ca', 'other.pem'), 6, 'another CA');
    t.equal(await trusts(misnamed, '--ca', 'ca.pem'), 6, 'another name');
    t.equal(await trusts(certified, '--fingerprint', certified.fingerprint), 0, 'its own fingerprint');
    t.equal(await trusts(misnamed, '--fingerprint', misnamed.fingerprint), 0, 'whatever its name');
    t.equal(await trusts(certified, '--fingerprint', misnamed.fingerprint), 6, 'that of another certificate');
    const chain = { ...certified, cert: certified.cert + ca.cert };
    t.equal(await trusts(chain, '--fingerprint', ca.fingerprint), 0, 'that of its CA');
    t.equal(
      await trusts({ ...misnamed, cert: misnamed.cert + ca.cert }, '--fingerprint', ca.fingerprint),
      6,
      'the CA, but another name',
    );
    const forged = { ...(await other.issue(['localhost'])) };
    t.equal(
      await trusts({ ...forged, cert: forged.cert + ca.cert }, '--fingerprint', ca.fingerprint),
      6,
      'a CA that was merely sent along',
    );
  });
}

await t.test('join refuses command lines that cannot be meant', async (t) => {
  const shell: Shell = { cwd: temporaryFolder(t) };
  writeFileSync(join(shell.cwd, 'pw'), 'pw\n');
  const base = ['join', '--server', 'https://localhost:1', '--host', 'x', '--keytab', 'kt'];
  const wrong: string[][] = [
    ['join', '--host', 'x', '--keytab', 'kt', '--user', 'a'],
    base,
    [...base, '--user', 'a', '--token-file', 'pw'],
    [...base, '--user', 'a:b', '--password-file', 'pw'],
    [...base, '--user', 'a', '--password', 's3cr3t'],
    [...base, '--user', 'a', '--password-stdin', '--wipe'],
    [...base, '--user', 'a', '--password-file', 'pw', '--ca', 'pw', '--fingerprint', 'aa'],
    [...base, '--user', 'a', '--password-file', 'pw', '--ca', 'pw'],
    [...base, '--user', 'a', '--password-file', 'pw', '--fingerprint', 'aa'],
    ...['http://localhost', 'https://u:s3cr3t@localhost', 'https://localhost/path', 'localhost'].map(
      (server) => [
        ...[
          'join',
          '--server',
          server,
          '--host',
          'x',
          '--keytab',
          'kt',
          '--user',
          'a',
          '--password-file',
          'pw',
        ],
      ],
    ),
  ];
  for (const args of wrong) {
    const { code, stderr } = await cli(shell, args);
    t.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    t.notMatch(stderr, 's3cr3t');
  }
});
