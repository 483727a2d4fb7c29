import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createReplayCache } from '../../src/ap/replay-cache.ts';
import { keysOf } from '../../src/ap/verify-ap-req.ts';
import { parseSid } from '../../src/base/sid.ts';
import { readKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { Person } from '../../src/http/caller.ts';
import { createNegotiation, type Negotiated } from '../../src/http/negotiate-header.ts';
import { createAcceptor } from '../../src/http/negotiate.ts';
import { personOf } from '../../src/http/person.ts';
import type { TestKdc } from './kdc.ts';
import type { Scope } from './run.ts';

/** The parts of a site that only lets in who negotiates, for tests that look at one of them. */
export interface Negotiating {
  readonly authenticate: ReturnType<typeof createNegotiation>;
  /** Whom an accepted request's ticket speaks for. */
  readonly person: (answer: Negotiated & { readonly result: 'accepted' }) => Person;
}

/** Accepts for the services of a keytab; knows the realm's own key, too, as its web server does. */
export async function negotiating(
  kdc: TestKdc,
  options: { readonly sid: string; readonly keytab: string; readonly certificates?: readonly Uint8Array[] },
): Promise<Negotiating> {
  const entries = (file: string) => readKeytab(new Uint8Array(readFileSync(file)));
  const realmKeys = entries(await kdc.exportRealmKey());
  const acceptor = createAcceptor({
    realm: kdc.realm,
    crypto: nodeCrypto,
    clock: { microseconds: () => Date.now() * 1000 },
    keys: keysOf(entries(options.keytab)),
    replays: createReplayCache(),
    certificates: options.certificates,
  });
  return {
    authenticate: createNegotiation(acceptor),
    person: ({ ticket, ticketKey }) =>
      personOf(ticket, {
        realm: kdc.realm,
        sid: parseSid(options.sid),
        crypto: nodeCrypto,
        serverKey: ticketKey.key,
        kdcKeys: realmKeys.map(({ key }) => key),
      }),
  };
}

/** A web server on loopback that tells whoever negotiates who that is, as JSON; resolves to its port. */
export async function startSite(t: Scope, { authenticate, person }: Negotiating): Promise<number> {
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    const answer = authenticate(request.headers.authorization, request.socket);
    if (answer?.result !== 'accepted') {
      const error = answer?.result === 'refused' ? answer.error.code : 'none';
      response.writeHead(401, { 'www-authenticate': answer?.header ?? 'Negotiate' }).end(error);
      return;
    }
    const { header } = answer;
    response.writeHead(200, header === undefined ? {} : { 'www-authenticate': header });
    response.end(JSON.stringify(person(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as { port: number }).port;
}
