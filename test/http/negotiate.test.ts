/** Negotiate from both sides: SPNEGO, Kerberos' mechanism of GSS-API, header fields, and who the sender is in the end. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { makeApReq, type SentApReq } from '../../src/ap/ap-req.ts';
import { serverBindings } from '../../src/ap/channel-bindings.ts';
import { makeMic, verifyMic } from '../../src/ap/mic.ts';
import { verifyApRep } from '../../src/ap/ap-rep.ts';
import { ApError } from '../../src/ap/reason.ts';
import { createReplayCache } from '../../src/ap/replay-cache.ts';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { withRid } from '../../src/base/sid.ts';
import {
  type ClientContext,
  type Credential,
  getInitialTicket,
  getServiceTicket,
  nameOf,
  negotiate,
  parsePrincipal,
} from '../../src/client/index.ts';
import { encode } from '../../src/codec/der/type.ts';
import {
  decodeFrame,
  decodeKrbToken,
  encodeFrame,
  encodeGssChecksum,
  encodeKrbToken,
  KrbTokenId,
  NO_BINDINGS,
} from '../../src/codec/gss.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import {
  decodeNegTokenResp,
  encodeNegTokenInit,
  encodeNegTokenResp,
  MechTypeList,
  type NegTokenInit,
  NegState,
} from '../../src/codec/spnego.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { portableCrypto } from '../../src/crypto/portable.ts';
import { createNegotiateCallers } from '../../src/http/negotiate-caller.ts';
import {
  createNegotiation,
  MAX_NEGOTIATE_HEADER,
  negotiateHeader,
  negotiateToken,
} from '../../src/http/negotiate-header.ts';
import { createAcceptor, type TokenAcceptorOptions } from '../../src/http/negotiate.ts';
import { serviceKeys } from '../../src/http/principals.ts';
import { createTicketReader } from '../../src/http/ticket-reader.ts';
import type { ActiveDevice } from '../../src/realm/device.ts';
import { GSS_CHECKSUM, GssFlag } from '../../src/spec/gss-flags.ts';
import { MechOid } from '../../src/spec/mech-oids.ts';
import { AD_REALM } from '../support/foreign-tickets.ts';
import { FakeClock, MemoryRealm, REALM, REALM_SID } from '../support/memory-realm.ts';
import { ORIGIN } from '../support/requests.ts';
import { PASSWORD, TwoRealms } from '../support/two-realms.ts';

const HOST = 'realm1.example';
const WEB = `HTTP/${HOST}`;
const OTHER = 'HTTP/www.realm1.example';

const realm = new MemoryRealm();
realm.add({ name: WEB, kind: 'realm' });
realm.add({ name: OTHER, kind: 'realm' });
realm.add({ name: 'HTTP/device1' });
const phone = realm.add({ name: 'host/phone1' });
await realm.addUser('alice', PASSWORD, { right: 'Administrator' });

function clientOf(more: Partial<ClientContext> = {}): ClientContext {
  return {
    crypto: nodeCrypto,
    clock: realm.clock,
    settings: { minIterations: 1 },
    send: async (_realm, message) => (await realm.kdc(message, ORIGIN)) as Uint8Array,
    ...more,
  };
}

const context = clientOf();
const alice = parsePrincipal(`alice@${REALM}`);
const tgt = await getInitialTicket(context, { client: alice, proof: { password: PASSWORD } });
const credential = (await getServiceTicket(context, tgt, { name: nameOf('HTTP', HOST) })).credential;

function optionsOf(more: Partial<TokenAcceptorOptions> = {}): TokenAcceptorOptions {
  return {
    realm: REALM,
    crypto: nodeCrypto,
    clock: realm.clock,
    keys: serviceKeys(realm.options.directory, REALM, () => [WEB, OTHER]),
    replays: createReplayCache(),
    ...more,
  };
}

const acceptorOf = (more: Partial<TokenAcceptorOptions> = {}) => createAcceptor(optionsOf(more));

interface Hello {
  readonly flags?: number;
  readonly mutual?: boolean;
  readonly checksum?: { readonly cksumtype: number; readonly checksum: Uint8Array } | undefined;
  readonly credential?: Credential;
  readonly clock?: FakeClock;
}

/** The framed token of Kerberos' mechanism, with every part of it in our hands. */
function kerberos(fields: Hello = {}): { readonly sent: SentApReq; readonly token: Uint8Array } {
  const { flags = GssFlag.MUTUAL | GssFlag.INTEG, mutual = true } = fields;
  const checksum =
    'checksum' in fields
      ? fields.checksum
      : { cksumtype: GSS_CHECKSUM, checksum: encodeGssChecksum({ bindings: NO_BINDINGS, flags }) };
  const sent = makeApReq(nodeCrypto, fields.clock ?? realm.clock, fields.credential ?? credential, {
    mutual,
    subkey: nodeCrypto.randomKey(20),
    seqNumber: 77,
    ...(checksum && { checksum }),
  });
  const inner = encodeKrbToken({ id: KrbTokenId.AP_REQ, message: sent.message });
  return { sent, token: encodeFrame({ mech: MechOid.KRB5, inner }) };
}

const spnego = (init: NegTokenInit): Uint8Array =>
  encodeFrame({ mech: MechOid.SPNEGO, inner: encodeNegTokenInit(init) });

const initiatorMic = (sent: SentApReq, mechTypes: readonly string[]): Uint8Array =>
  makeMic(
    nodeCrypto,
    { sender: 'initiator', key: sent.subkey ?? sent.sessionKey, acceptorSubkey: false },
    77,
    encode(MechTypeList, mechTypes),
  );

const acceptorMicIsRight = (
  sent: SentApReq,
  mechTypes: readonly string[],
  mic: Uint8Array | undefined,
): boolean =>
  mic !== undefined &&
  verifyMic(
    nodeCrypto,
    { sender: 'acceptor', key: sent.subkey ?? sent.sessionKey, acceptorSubkey: false },
    encode(MechTypeList, mechTypes),
    mic,
  );

/** The AP-REP in a framed token. */
const apRep = (token: Uint8Array | undefined): Uint8Array =>
  decodeKrbToken(decodeFrame(token ?? new Uint8Array(0)).inner).message;

const codeOf = (answer: ReturnType<ReturnType<typeof createAcceptor>['accept']>): string =>
  answer.result === 'refused' ? answer.error.code : answer.result;

await t.test('client and server prove themselves to each other', async (t) => {
  for (const crypto of [nodeCrypto, portableCrypto]) {
    const client = clientOf({ crypto });
    const ours = await negotiate(client, tgt, HOST);
    const authenticate = createNegotiation(acceptorOf());
    const answer = authenticate(ours.header, {});
    if (answer?.result !== 'accepted') return t.fail(JSON.stringify(answer));
    t.match(answer, {
      client: alice,
      server: { realm: REALM, name: { nameString: ['HTTP', HOST] } },
      bound: false,
    });
    t.equal(answer.ticketKey.key, realm.key(WEB, 20));
    t.doesNotThrow(() => ours.verify(answer.header));
    t.doesNotThrow(() => ours.verify(['Basic realm="x"', answer.header as string]), 'among several fields');
    t.doesNotThrow(() => ours.verify(`Basic realm="x", ${answer.header}`), 'among several challenges');

    realm.clock.now++;
    const again = await negotiate(client, ours.credential, HOST);
    t.equal(again.credential, ours.credential, 'a ticket for the server is used as it is');
    t.equal(authenticate(again.header, {})?.result, 'accepted');
    const code = (value?: string): string => codeThrown(() => again.verify(value));
    t.equal(code(answer.header), 'mutual-failed', 'the answer to another request proves nothing');
    t.equal(code(undefined), 'mutual-failed');
    t.equal(code('Negotiate'), 'mutual-failed');
    t.equal(code('Negotiate AAAA'), 'malformed-message');
    t.equal(code('Negotiate A'), 'malformed-message');
    t.equal(code(negotiateHeader(encodeNegTokenResp({ negState: NegState.REJECT }))), 'refused-by-server');
    t.equal(code(negotiateHeader(encodeNegTokenResp({ negState: 0 }))), 'mutual-failed', 'no AP-REP');
  }
  return undefined;
});

function codeThrown(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ApError) return error.code;
    throw error;
  }
  return 'none';
}

await t.test(
  "a token of Kerberos alone is accepted, and answered in the mechanism's own words",
  async (t) => {
    const { sent, token } = kerberos();
    const answer = acceptorOf().accept(token);
    if (answer.result !== 'accepted') return t.fail(JSON.stringify(answer));
    t.doesNotThrow(() => verifyApRep(nodeCrypto, sent, apRep(answer.reply)));
    const quiet = acceptorOf().accept(kerberos({ mutual: false, flags: 0 }).token);
    t.match(quiet, { result: 'accepted', reply: undefined }, 'who does not ask gets no proof');
    return undefined;
  },
);

await t.test('Windows offers its own misspelt number of Kerberos first: no MIC is needed', async (t) => {
  const { sent, token } = kerberos();
  const mechTypes = [MechOid.MS_KRB5, MechOid.KRB5, MechOid.NTLM];
  const answer = acceptorOf().accept(spnego({ mechTypes, mechToken: token }));
  if (answer.result !== 'accepted') return t.fail(JSON.stringify(answer));
  const reply = decodeNegTokenResp(answer.reply as Uint8Array);
  t.match(reply, {
    negState: NegState.ACCEPT_COMPLETED,
    supportedMech: MechOid.MS_KRB5,
    mechListMic: undefined,
  });
  t.doesNotThrow(() => verifyApRep(nodeCrypto, sent, apRep(reply.responseToken)));
  const misspelt = encodeFrame({ ...decodeFrame(kerberos().token), mech: MechOid.MS_KRB5 });
  t.equal(codeOf(acceptorOf().accept(misspelt)), 'accepted', 'and in the frame of its token');
  return undefined;
});

await t.test(
  'RFC 4178 section 5: an optimistic token for another mechanism leads to MICs of the list',
  async (t) => {
    const mechTypes = [MechOid.NTLM, MechOid.KRB5];
    const acceptor = acceptorOf();
    const begin = () => {
      const answer = acceptor.accept(spnego({ mechTypes, mechToken: utf8('NTLMSSP\0guess') }));
      if (answer.result !== 'continue') throw new Error(JSON.stringify(answer));
      return answer;
    };
    const first = begin();
    t.match(decodeNegTokenResp(first.reply), {
      negState: NegState.REQUEST_MIC,
      supportedMech: MechOid.KRB5,
      responseToken: undefined,
    });

    await t.test('the client confirms it after it has seen the server proven', async (t) => {
      const { sent, token } = kerberos();
      const second = acceptor.accept(encodeNegTokenResp({ responseToken: token }), first.pending);
      if (second.result !== 'continue') return t.fail(JSON.stringify(second));
      const reply = decodeNegTokenResp(second.reply);
      t.match(reply, { negState: NegState.ACCEPT_INCOMPLETE, supportedMech: undefined });
      t.doesNotThrow(() => verifyApRep(nodeCrypto, sent, apRep(reply.responseToken)));
      t.ok(acceptorMicIsRight(sent, mechTypes, reply.mechListMic));
      t.notOk(acceptorMicIsRight(sent, [MechOid.KRB5], reply.mechListMic), 'of this list, and no other');
      const right = initiatorMic(sent, mechTypes);
      const last = (mechListMic?: Uint8Array) =>
        acceptor.accept(encodeNegTokenResp({ negState: 0, mechListMic }), second.pending);
      t.match(last(right), { result: 'accepted', client: alice, reply: undefined });
      t.equal(
        codeOf(last(initiatorMic(sent, [MechOid.KRB5]))),
        'mechanism-list',
        'somebody put NTLM in front',
      );
      t.equal(codeOf(last(reply.mechListMic)), 'mechanism-list', 'our own MIC comes back');
      t.equal(codeOf(last()), 'mechanism-list', 'no MIC');
      for (const cut of [0, 4, 16, right.length - 1])
        t.equal(codeOf(last(right.slice(0, cut))), 'mechanism-list', `cut to ${cut}`);
      t.equal(codeOf(acceptor.accept(encodeNegTokenResp({ negState: 2 }), second.pending)), 'client-gave-up');
      return undefined;
    });

    await t.test('or at once, where it asks for no proof', async (t) => {
      const { sent, token } = kerberos({ mutual: false, flags: GssFlag.INTEG });
      const answer = acceptor.accept(
        encodeNegTokenResp({ responseToken: token, mechListMic: initiatorMic(sent, mechTypes) }),
        begin().pending,
      );
      if (answer.result !== 'accepted') return t.fail(JSON.stringify(answer));
      const reply = decodeNegTokenResp(answer.reply as Uint8Array);
      t.match(reply, { negState: NegState.ACCEPT_COMPLETED, responseToken: undefined });
      t.ok(acceptorMicIsRight(sent, mechTypes, reply.mechListMic));
      return undefined;
    });

    await t.test('the session key protects it where there is no subkey', async (t) => {
      const sent = makeApReq(nodeCrypto, realm.clock, credential, {
        mutual: true,
        checksum: {
          cksumtype: GSS_CHECKSUM,
          checksum: encodeGssChecksum({ bindings: NO_BINDINGS, flags: 2 }),
        },
      });
      const token = encodeFrame({
        mech: MechOid.KRB5,
        inner: encodeKrbToken({ id: KrbTokenId.AP_REQ, message: sent.message }),
      });
      const responded = encodeNegTokenResp({
        responseToken: token,
        mechListMic: initiatorMic(sent, mechTypes),
      });
      t.equal(codeOf(acceptor.accept(responded, begin().pending)), 'accepted');
    });

    await t.test('and a wrong token ends it', async (t) => {
      const next = (token: Uint8Array) => codeOf(acceptor.accept(token, begin().pending));
      t.equal(next(encodeNegTokenResp({})), 'malformed-token');
      t.equal(next(encodeNegTokenResp({ responseToken: utf8('NTLMSSP\0') })), 'malformed-token');
      t.equal(next(encodeNegTokenResp({ negState: NegState.REJECT })), 'client-gave-up');
      t.equal(next(fromHex('a100')), 'malformed-token');
    });

    await t.test('a MIC that comes unasked is verified, and answered', async (t) => {
      const { sent, token } = kerberos({ mutual: false, flags: 0 });
      const mechs = [MechOid.KRB5];
      const token1 = spnego({ mechTypes: mechs, mechToken: token, mechListMic: initiatorMic(sent, mechs) });
      const answer = acceptorOf().accept(token1);
      if (answer.result !== 'accepted') return t.fail(JSON.stringify(answer));
      t.ok(acceptorMicIsRight(sent, mechs, decodeNegTokenResp(answer.reply as Uint8Array).mechListMic));
      const wrong = spnego({
        mechTypes: [MechOid.KRB5, MechOid.NTLM],
        mechToken: token,
        mechListMic: initiatorMic(sent, mechs),
      });
      t.equal(codeOf(acceptorOf().accept(wrong)), 'mechanism-list');
      return undefined;
    });
  },
);

await t.test('an offer without a token is answered with the choice, and goes on', async (t) => {
  const acceptor = acceptorOf();
  const first = acceptor.accept(spnego({ mechTypes: [MechOid.KRB5] }));
  if (first.result !== 'continue') return t.fail(JSON.stringify(first));
  t.match(decodeNegTokenResp(first.reply), {
    negState: NegState.ACCEPT_INCOMPLETE,
    supportedMech: MechOid.KRB5,
  });
  const second = acceptor.accept(encodeNegTokenResp({ responseToken: kerberos().token }), first.pending);
  t.equal(codeOf(second), 'accepted');
  return undefined;
});

await t.test('NTLM is recognised and refused, in words that help', async (t) => {
  const acceptor = acceptorOf();
  const bare = acceptor.accept(utf8('NTLMSSP\0\u0001\0\0\0'));
  t.match(bare, {
    result: 'refused',
    error: { code: 'ntlm', message: /NTLM/, hint: /kinit/ },
    reply: undefined,
  });
  const wrapped = new Uint8Array(
    readFileSync(new URL('../../fixtures/gss/samba-ntlm-init.bin', import.meta.url)),
  );
  const answer = acceptor.accept(wrapped);
  t.equal(codeOf(answer), 'ntlm');
  t.match(decodeNegTokenResp(answer.reply as Uint8Array), { negState: NegState.REJECT });
  t.equal(codeOf(acceptor.accept(spnego({ mechTypes: ['1.2.3.4'] }))), 'no-common-mechanism');
  t.equal(codeOf(acceptor.accept(encodeFrame({ mech: '1.2.3.4', inner: utf8('x') }))), 'no-common-mechanism');
});

await t.test('each thing that is wrong with a request has its reason', async (t) => {
  const code = (fields: Hello, more: Partial<TokenAcceptorOptions> = {}): string =>
    codeOf(acceptorOf(more).accept(kerberos(fields).token));
  const checksum = (bytes: Uint8Array, cksumtype = GSS_CHECKSUM) => ({
    checksum: { cksumtype, checksum: bytes },
  });
  const plain = encodeGssChecksum({ bindings: NO_BINDINGS, flags: 0 });
  const delegated = concat(
    encodeGssChecksum({ bindings: NO_BINDINGS, flags: GssFlag.DELEG }),
    fromHex('01000200ffff'),
  );
  t.equal(code(checksum(plain)), 'accepted');
  t.equal(code(checksum(delegated)), 'accepted', 'a credential that is delegated is left alone');
  t.equal(code(checksum(delegated.subarray(0, -1))), 'malformed-token');
  t.equal(code(checksum(plain.subarray(0, 23))), 'malformed-token');
  t.equal(code({ checksum: undefined }), 'no-gss-checksum');
  t.equal(code(checksum(new Uint8Array(16), 16)), 'no-gss-checksum');
  t.equal(code({ flags: GssFlag.DCE_STYLE }), 'dce-style');
  t.equal(code({}, { keys: () => [] }), 'not-us');
  t.equal(code({}, { keys: serviceKeys(realm.options.directory, REALM, () => [OTHER]) }), 'not-us');
  t.equal(code({}, { etypes: [17] }), 'no-key');
  const stranger = { ...credential, key: nodeCrypto.randomKey(credential.key.etype) };
  t.equal(
    code({ credential: stranger }),
    'authenticator-integrity',
    'a stolen ticket without its session key',
  );
  const wrongId = encodeFrame({
    mech: MechOid.KRB5,
    inner: encodeKrbToken({ id: 0x0300, message: utf8('x') }),
  });
  t.equal(codeOf(acceptorOf().accept(wrongId)), 'malformed-token');
  for (const hex of ['', '60', 'a1', 'a0', '00', '6000', '60060604', 'ff'.repeat(40)])
    t.match(codeOf(acceptorOf().accept(fromHex(hex))), /^(malformed-token|no-negotiation)$/, hex);
});

await t.test('one service of several is meant by its name, and a device is none of ours', async (t) => {
  const get = async (host: string) => negotiate(context, tgt, host);
  const acceptor = createNegotiation(acceptorOf());
  t.match(acceptor((await get('www.realm1.example')).header, {}), {
    server: { name: { nameString: ['HTTP', 'www.realm1.example'] } },
  });
  t.match(acceptor((await get('device1')).header, {}), { result: 'refused', error: { code: 'not-us' } });
});

await t.test(
  'a request counts once, whatever it is wrapped in and whichever service it is for',
  async (t) => {
    const acceptor = acceptorOf();
    const { token } = kerberos();
    t.equal(codeOf(acceptor.accept(token)), 'accepted');
    t.equal(codeOf(acceptor.accept(token)), 'replay');
    t.equal(codeOf(acceptor.accept(spnego({ mechTypes: [MechOid.KRB5], mechToken: token }))), 'replay');
    const since = realm.clock.microseconds() + 1_000_000;
    const late = acceptorOf({ replays: createReplayCache({ since }) });
    t.equal(
      codeOf(late.accept(kerberos().token)),
      'replay',
      'nobody knows what a server was sent before it started',
    );
  },
);

await t.test('a client whose clock is wrong is told the time, and says so to its owner', async (t) => {
  const clock = new FakeClock(realm.clock.seconds - 3600);
  const { token } = kerberos({ clock });
  const answer = acceptorOf().accept(token);
  t.equal(codeOf(answer), 'clock-skew');
  const { id } = decodeKrbToken(decodeFrame(answer.reply as Uint8Array).inner);
  t.equal(id, KrbTokenId.ERROR);
  const behind = await negotiate(clientOf({ clock }), credential, HOST);
  const refused = createNegotiation(acceptorOf())(behind.header, {});
  t.throws(() => behind.verify(refused?.header), {
    code: 'refused-by-server',
    wire: 37,
    message: /too far apart/,
  });
});

/** DER that has a certificate's shape, with this signature algorithm. */
function certificate(algorithm: string, filling: string): Uint8Array {
  const hex = (text: string): string => text.length.toString(16).padStart(2, '0');
  const body = toHex(utf8(filling));
  const tbs = `30${hex(filling)}${body}`;
  const rest = `${tbs}30${(algorithm.length / 2).toString(16).padStart(2, '0')}${algorithm}030100`;
  return fromHex(`30${(rest.length / 2).toString(16).padStart(2, '0')}${rest}`);
}

const SHA256_RSA = '06092a864886f70d01010b0500';
const SHA384_ECDSA = '06082a8648ce3d040303';
const SHA1_RSA = '06092a864886f70d0101050500';
const ED25519 = '06032b6570';

await t.test(
  'channel bindings of RFC 5929 mean one certificate of ours, or the request is refused',
  async (t) => {
    const ours = certificate(SHA256_RSA, 'ours');
    const newer = certificate(SHA384_ECDSA, 'newer');
    const theirs = certificate(SHA256_RSA, 'theirs');
    const outcome = async (seen: Uint8Array | undefined, certificates?: readonly Uint8Array[]) => {
      const { header } = await negotiate(
        context,
        credential,
        HOST,
        seen === undefined ? {} : { certificate: seen },
      );
      const answer = createNegotiation(acceptorOf({ certificates }))(header, {});
      return answer?.result === 'accepted' ? answer.bound : answer?.result === 'refused' && answer.error.code;
    };
    t.equal(await outcome(ours, [newer, ours]), true);
    t.equal(await outcome(newer, [newer, ours]), true);
    t.equal(
      await outcome(theirs, [newer, ours]),
      'channel-bindings',
      'somebody in between has shown another one',
    );
    t.equal(await outcome(ours, []), 'channel-bindings');
    t.equal(await outcome(undefined, [ours]), false, 'a client that knows no channel');
    t.equal(
      await outcome(theirs, undefined),
      false,
      'a server that does not know its certificate compares nothing',
    );
    t.equal(await outcome(certificate(ED25519, 'x'), [ours]), false, 'undefined for such a certificate');
    await t.rejects(negotiate(context, credential, HOST, { certificate: utf8('none') }), { code: 'bad-der' });

    // As the RFCs put it together, by another hand.
    const byHand = (hash: string, cert: Uint8Array): string => {
      const data = Buffer.concat([
        Buffer.from('tls-server-end-point:'),
        createHash(hash).update(cert).digest(),
      ]);
      const fields = Buffer.alloc(20);
      fields.writeUInt32LE(data.length, 16);
      return createHash('md5').update(fields).update(data).digest('hex');
    };
    t.equal(toHex(serverBindings(ours) as Uint8Array), byHand('sha256', ours));
    t.equal(toHex(serverBindings(newer) as Uint8Array), byHand('sha384', newer));
    const old = certificate(SHA1_RSA, 'old');
    t.equal(toHex(serverBindings(old) as Uint8Array), byHand('sha256', old), 'SHA-256 in place of SHA-1');
  },
);

await t.test('RFC 4559 section 4: header fields', async (t) => {
  t.equal(negotiateHeader(), 'Negotiate');
  t.equal(negotiateHeader(fromHex('00ff')), 'Negotiate AP8=');
  t.strictSame(new Uint8Array(negotiateToken('Negotiate AP8=') as Uint8Array), fromHex('00ff'));
  t.ok(negotiateToken('nEGOTIATE  AP8='), 'schemes have no letter case');
  for (const other of [undefined, '', 'Basic AP8=', 'Negotiated AP8=', 'Bearer x'])
    t.equal(negotiateToken(other), undefined, String(other));
  for (const wrong of [
    'Negotiate',
    'Negotiate ',
    'Negotiate AP8',
    'Negotiate AP9=',
    'Negotiate A P8=',
    'Negotiate AP8=, x',
    'Negotiate ä',
    `Negotiate ${'A'.repeat(MAX_NEGOTIATE_HEADER)}`,
  ])
    t.throws(() => negotiateToken(wrong), { code: 'malformed-header' }, wrong.slice(0, 30));
  const authenticate = createNegotiation(acceptorOf());
  t.equal(authenticate('Basic AP8=', {}), undefined);
  t.match(authenticate('Negotiate ?', {}), {
    result: 'refused',
    error: { code: 'malformed-header' },
    header: 'Negotiate',
  });
});

await t.test(
  'a negotiation stays on its connection, and nothing else of a connection is remembered',
  async (t) => {
    const authenticate = createNegotiation(acceptorOf());
    const offer = negotiateHeader(spnego({ mechTypes: [MechOid.KRB5] }));
    const go = () => negotiateHeader(encodeNegTokenResp({ responseToken: kerberos().token }));
    const connection = {};
    t.equal(authenticate(offer, connection)?.result, 'continue');
    t.match(authenticate(go(), {}), { error: { code: 'no-negotiation' } }, 'another connection');
    t.equal(authenticate(go(), connection)?.result, 'accepted');
    t.match(authenticate(go(), connection), { error: { code: 'no-negotiation' } }, 'it is over');
    t.equal(authenticate(undefined, connection), undefined, 'the next request without a header is nobody’s');
    authenticate(offer, connection);
    authenticate(undefined, connection);
    t.match(
      authenticate(go(), connection),
      { error: { code: 'no-negotiation' } },
      'another request came between',
    );
    authenticate(offer, connection);
    t.equal(
      authenticate(negotiateHeader(kerberos().token), connection)?.result,
      'accepted',
      'a new beginning',
    );
  },
);

await t.test('no byte that is changed makes it throw, or makes anybody else of the client', async (t) => {
  const acceptor = acceptorOf({ replays: undefined });
  const token = spnego({
    mechTypes: [MechOid.NTLM, MechOid.KRB5, MechOid.MS_KRB5].toReversed(),
    mechToken: kerberos().token,
  });
  const results = new Map<string, number>();
  for (let at = 0; at < token.length; at++) {
    for (const bit of [0x01, 0x80]) {
      const changed = token.slice();
      changed[at] = (changed[at] as number) ^ bit;
      const answer = acceptor.accept(changed);
      if (answer.result === 'accepted') t.strictSame(answer.client, alice);
      const code = codeOf(answer);
      results.set(code, (results.get(code) ?? 0) + 1);
    }
  }
  t.ok((results.get('ticket-integrity') ?? 0) > 100, JSON.stringify([...results]));
  t.ok((results.get('malformed-token') ?? 0) > 10);
});

await t.test('who it is in the end', async (t) => {
  const devices = new Map<string, ActiveDevice>();
  const reader = createTicketReader({
    realm: REALM,
    sid: REALM_SID,
    crypto: nodeCrypto,
    clock: realm.clock,
    directory: realm.options.directory,
    devices: { find: async (host) => devices.get(host) },
    visitors: () => false,
  });
  let certificates = [certificate(SHA256_RSA, 'first')];
  const make = () =>
    createNegotiateCallers({
      realm: REALM,
      crypto: nodeCrypto,
      clock: realm.clock,
      clockSkew: 300,
      etypes: [20, 19, 18, 17],
      directory: realm.options.directory,
      reader,
      services: () => [WEB],
      certificates: () => certificates,
    });
  realm.clock.advance(1);
  const callers = make();
  realm.clock.advance(1);
  const ask = async (who: Credential, more = {}) => {
    const { header, verify } = await negotiate(context, who, HOST, more);
    const answer = await callers(header, {});
    if (answer.caller !== undefined) verify(answer.header);
    return answer;
  };

  await t.test('a person, with the right that the account has now', async (t) => {
    t.match(await ask(tgt), {
      caller: {
        kind: 'person',
        how: 'negotiate',
        person: { realm: REALM, name: 'alice', rights: { login: 'Administrator', join: false } },
      },
    });
    realm.change('alice', { right: 'Viewer' });
    t.match(await ask(credential), { caller: { person: { rights: { login: 'Viewer', join: false } } } });
    realm.change('alice', { right: undefined });
    t.match(await ask(credential), { caller: { person: { rights: { login: undefined, join: false } } } });
    realm.change('alice', { right: 'Administrator' });
  });

  await t.test(
    'nobody, once the account is disabled, expired, removed, or another one of that name',
    async (t) => {
      const before = realm.principals.get('alice');
      if (before === undefined) throw new Error('no alice');
      const gone = { caller: undefined, header: 'Negotiate', error: { code: 'account-gone' } };
      for (const change of [
        { disabled: true },
        { expires: realm.clock.seconds },
        { rid: before.rid + 500 },
      ]) {
        realm.change('alice', change);
        t.match(await ask(credential), gone, JSON.stringify(change));
        realm.principals.set('alice', before);
      }
      realm.principals.delete('alice');
      t.match(await ask(credential), gone, 'removed');
      realm.principals.set('alice', before);
      t.match(await ask(credential), { caller: { kind: 'person' } });
    },
  );

  await t.test('a device, if its host has joined', async (t) => {
    const client = parsePrincipal(`host/phone1@${REALM}`);
    const key = { ...client, kvno: 1, key: realm.key('host/phone1', 20) };
    const own = await getInitialTicket(context, { client, proof: { keytab: [key] } });
    const { credential: device } = await getServiceTicket(context, own, { name: nameOf('HTTP', HOST) });
    t.match(await ask(device), { caller: undefined, error: { code: 'device-unknown', hint: /join/ } });
    const record: ActiveDevice = {
      host: 'phone1',
      rid: phone.rid,
      serial: undefined,
      model: undefined,
      joined: 0,
      joinedBy: 'x',
      joinedFrom: '::1',
      lastSeen: undefined,
    };
    devices.set('phone1', record);
    t.strictSame((await ask(device)).caller, {
      kind: 'device',
      host: 'phone1',
      rid: phone.rid,
      how: 'negotiate',
    });
    // A device that joins anew gets a principal of its own: tickets of the old one are worthless.
    realm.principals.set('host/phone1', { ...phone, rid: phone.rid + 700 });
    t.match(await ask(device), { caller: undefined, error: { code: 'account-gone' } });
    realm.principals.set('host/phone1', phone);
    devices.set('phone1', { ...record, rid: phone.rid + 700 });
    t.match(
      await ask(device),
      { caller: undefined, error: { code: 'account-gone' } },
      'it is never taken for the new one, even while memory still has the old one',
    );
    devices.set('phone1', record);
  });

  await t.test(
    'a principal that is not in memory is loaded, and the request is no replay then',
    async (t) => {
      for (const name of [WEB, `krbtgt/${REALM}`, 'alice']) realm.forgotten.add(name);
      const { header } = await negotiate(clientOf(), credential, HOST);
      t.match(await callers(header, {}), { caller: { kind: 'person' } });
      t.equal(realm.forgotten.size, 0);
      t.match(await callers(header, {}), { caller: undefined, error: { code: 'replay' } });
    },
  );

  await t.test('bound to the certificate that the server has now', async (t) => {
    const next = certificate(SHA256_RSA, 'next');
    t.match(await ask(credential, { certificate: next }), { error: { code: 'channel-bindings' } });
    certificates = [next];
    t.match(await ask(credential, { certificate: next }), { caller: { kind: 'person' } });
  });

  await t.test(
    'nobody for a header of another scheme, and for what was sent before the server started',
    async (t) => {
      t.match(await callers('Basic AAAA', {}), {
        caller: undefined,
        header: 'Negotiate',
        error: { code: 'malformed-header' },
      });
      const { header } = await negotiate(context, credential, HOST);
      realm.clock.advance(1);
      t.match(await make()(header, {}), { error: { code: 'replay' } });
      t.match(await callers(negotiateHeader(spnego({ mechTypes: [MechOid.KRB5] })), {}), {
        caller: undefined,
        header: /^Negotiate \S+$/,
        error: undefined,
      });
    },
  );
});

await t.test(
  'nginx-spnego#129: a user of a trusted realm is another one than the user of the same name here',
  async (t) => {
    const realms = await TwoRealms.create();
    const { ours } = realms;
    ours.add({ name: WEB, kind: 'realm' });
    await ours.addUser('alice', 'x');
    const client = realms.client();
    const theirs = await getInitialTicket(client, {
      client: parsePrincipal(`alice@${AD_REALM}`),
      proof: { password: PASSWORD },
    });
    const welcome = new Set([AD_REALM]);
    const reader = createTicketReader({
      ...ours.options,
      sid: REALM_SID,
      devices: { find: async () => undefined },
      visitors: (other) => welcome.has(other),
    });
    const { header } = await negotiate(client, theirs, HOST, { realm: REALM });
    const acceptor = createAcceptor(
      optionsOf({ clock: ours.clock, keys: serviceKeys(ours.options.directory, REALM, () => [WEB]) }),
    );
    const answer = createNegotiation(acceptor)(header, {});
    if (answer?.result !== 'accepted') return t.fail(JSON.stringify(answer));
    const person = await reader.person(answer.ticket, answer.ticketKey.key);
    t.match(person, { realm: AD_REALM, name: 'alice', rights: { login: 'Administrator', join: false } });
    t.ok(person.groups.includes(withRid(REALM_SID, 1001)));
    t.ok(encode(EncTicketPart, answer.ticket).length > 0);
    // The ticket is good for hours; the trust may be removed before.
    welcome.clear();
    await t.rejects(reader.person(answer.ticket, answer.ticketKey.key), { code: 'realm-gone' });
    await t.rejects(reader.caller(answer.ticket, answer.ticketKey.key), { code: 'realm-gone' });
    return undefined;
  },
);
