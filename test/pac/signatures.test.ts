import t from 'tap';
import { Key } from '../../src/base/key.ts';
import type { Crypto } from '../../src/crypto/crypto.ts';
import { createCrypto } from '../../src/crypto/crypto.ts';
import { nodeCrypto, nodePrimitives } from '../../src/crypto/node.ts';
import { portableCrypto } from '../../src/crypto/portable.ts';
import { decodePac, encodePac, findBuffer } from '../../src/pac/pac.ts';
import { emptySignature, withZeroed } from '../../src/pac/signatures.ts';
import { verifyForeignPac, verifyOwnServicePac, verifyOwnTgtPac } from '../../src/pac/verify.ts';
import { PacBuffer } from '../../src/spec/pac-buffers.ts';
import type { PacVector } from './vectors.ts';
import { ISSUED, issued } from './vectors.ts';

const rc4Crypto = createCrypto(nodePrimitives, { rc4: true });

/** The reason, or that there is none. */
function outcome(result: ReturnType<typeof verifyForeignPac>): string {
  return typeof result === 'string' ? result : 'verified';
}

function verifyAll(crypto: Crypto, vector: PacVector, pac = vector.pac): string {
  const { serverKey, kdcKey, ticketBytes } = vector;
  if (kdcKey === undefined) return outcome(verifyForeignPac(crypto, pac, serverKey));
  const kdcKeys = [kdcKey];
  if (ticketBytes === undefined || findBuffer(decodePac(vector.pac), PacBuffer.FULL_CHECKSUM) === undefined)
    return outcome(verifyOwnTgtPac(crypto, pac, { serverKey, kdcKeys }));
  return outcome(verifyOwnServicePac(crypto, pac, { serverKey, kdcKeys, ticketBytes }));
}

await t.test('verifies what Windows and Samba signed', async (t) => {
  for (const vector of ISSUED) {
    t.equal(verifyAll(rc4Crypto, vector), 'verified', vector.name);
    if (vector.serverKey.etype !== 23) t.equal(verifyAll(portableCrypto, vector), 'verified', vector.name);
  }
  t.ok(
    ISSUED.some(({ kdcKey, ticketBytes }) => kdcKey && ticketBytes),
    'some with all four signatures',
  );
});

await t.test('refuses RC4 signatures where RC4 is not switched on', async (t) => {
  const vector = issued('Windows Server 2003');
  t.throws(() => verifyAll(nodeCrypto, vector), { code: 'unsupported-etype' });
});

await t.test('refuses every PAC of which one covered bit was changed', async (t) => {
  for (const vector of [
    issued('Windows Server 2022'),
    issued('Samba: ticket-granting'),
    issued('Samba: cross-realm'),
  ]) {
    const { buffers } = decodePac(vector.pac);
    const reasons = new Map<string, number>();
    for (const { offset, data } of buffers) {
      for (let at = offset; at < offset + data.length; at += 3) {
        const forged = vector.pac.slice();
        forged[at] = (forged[at] as number) ^ 0x40;
        const reason = verifyAll(nodeCrypto, vector, forged);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        if (reason === 'verified' && vector.kdcKey !== undefined)
          t.fail(`${vector.name}: byte ${at} does not matter`);
      }
    }
    // Only the KDC signature of a foreign realm goes unverified: five places were tried in its checksum.
    if (vector.kdcKey === undefined) t.ok((reasons.get('verified') ?? 0) <= 5, vector.name);
    else t.notOk(reasons.has('verified'), vector.name);
  }
});

await t.test('says which signature is wrong', async (t) => {
  const vector = issued('Windows Server 2022');
  const { bytes, buffers } = decodePac(vector.pac);
  const damage = (type: number): Uint8Array => {
    const forged = bytes.slice();
    const offset = (buffers.find((buffer) => buffer.type === type)?.offset ?? 0) + 4;
    forged[offset] = (forged[offset] as number) ^ 1;
    return forged;
  };
  t.equal(verifyAll(nodeCrypto, vector, damage(PacBuffer.LOGON_INFO)), 'pac-server-signature');
  t.equal(verifyAll(nodeCrypto, vector, damage(PacBuffer.SERVER_CHECKSUM)), 'pac-server-signature');
  t.equal(verifyAll(nodeCrypto, vector, damage(PacBuffer.KDC_CHECKSUM)), 'pac-kdc-signature');
  t.equal(verifyAll(nodeCrypto, { ...vector, ticketBytes: Uint8Array.of(1) }), 'pac-ticket-signature');
  const other = nodeCrypto.randomKey(18);
  t.equal(verifyAll(nodeCrypto, { ...vector, serverKey: other }), 'pac-server-signature');
  t.equal(verifyAll(nodeCrypto, { ...vector, kdcKey: other }), 'pac-kdc-signature');
});

await t.test(
  'a service that knows its own key cannot change a PAC: the full signature is the KDC’s (CVE-2022-37967)',
  async (t) => {
    // The KDC signature covers the server signature alone, so whoever finds two PACs of one server signature has both signed.
    const vector = issued('Windows Server 2022');
    const kdcKey = vector.kdcKey as Key;
    const buffers = decodePac(vector.pac).buffers.map(({ type, data }) => ({ type, data: data.slice() }));
    const part = (type: number): Uint8Array =>
      buffers.find((buffer) => buffer.type === type)?.data as Uint8Array;
    // RID 500 becomes 501, and both of the other signatures are made right again.
    const userId = 20 + 48 + 48 + 4;
    t.equal(new DataView(part(1).buffer).getUint32(userId, true), 500);
    part(1)[userId] = 0xf5;
    const unsigned = withZeroed(encodePac(buffers), PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM);
    const server = nodeCrypto.checksum(vector.serverKey, 17, unsigned);
    part(PacBuffer.SERVER_CHECKSUM).set(server, 4);
    part(PacBuffer.KDC_CHECKSUM).set(nodeCrypto.checksum(kdcKey, 17, server), 4);
    t.equal(verifyAll(nodeCrypto, vector, encodePac(buffers).bytes), 'pac-full-signature');
  },
);

await t.test('demands each signature that the kind of ticket carries', async (t) => {
  const vector = issued('Windows Server 2022');
  for (const missing of [6, 7, 16, 19]) {
    const rest = decodePac(vector.pac).buffers.filter(({ type }) => type !== missing);
    const serverKey = vector.serverKey;
    const kdcKey = vector.kdcKey as Key;
    const signed = resign(rest, serverKey, kdcKey);
    const keys = { serverKey, kdcKeys: [kdcKey], ticketBytes: vector.ticketBytes as Uint8Array };
    t.equal(outcome(verifyOwnServicePac(nodeCrypto, signed, keys)), 'pac-no-signature', `without ${missing}`);
  }
});

await t.test(
  'refuses unkeyed checksums, and those of another etype than the key’s (CVE-2014-6324)',
  async (t) => {
    const { pac, serverKey } = issued('Samba: ticket-granting');
    for (const signature of [PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM]) {
      // CRC32, MD5, SHA1, HMAC-MD5, the other AES checksums, nothing. The server signature covers the KDC's type, so it is made anew.
      for (const checksumType of [1, 7, 10, 14, -138, 15, 19, 20, 0, -1]) {
        const buffers = decodePac(pac).buffers.map(({ type, data }) => {
          const changed = data.slice();
          if (type === signature) new DataView(changed.buffer).setInt32(0, checksumType, true);
          return { type, data: changed };
        });
        const keys = { serverKey, kdcKeys: [serverKey] };
        const result = verifyOwnTgtPac(rc4Crypto, resign(buffers, serverKey, serverKey), keys);
        t.equal(outcome(result), 'pac-signature-type', `type ${checksumType} in ${signature}`);
      }
    }
    for (const etype of [17, 19, 20])
      t.equal(
        outcome(verifyForeignPac(nodeCrypto, pac, nodeCrypto.randomKey(etype))),
        'pac-signature-type',
        `a key of etype ${etype}`,
      );
  },
);

await t.test('tries every version of the KDC’s key, and takes none of another etype', async (t) => {
  const { pac, serverKey } = issued('Samba: ticket-granting');
  const strangers = [nodeCrypto.randomKey(20), nodeCrypto.randomKey(18)];
  const verify = (kdcKeys: readonly Key[]): string =>
    outcome(verifyOwnTgtPac(nodeCrypto, pac, { serverKey, kdcKeys }));
  t.equal(verify([...strangers, serverKey]), 'verified');
  t.equal(verify(strangers), 'pac-kdc-signature');
  t.equal(verify([nodeCrypto.randomKey(20)]), 'pac-signature-type');
  t.equal(verify([]), 'pac-signature-type');
});

await t.test(
  'takes the identifier of a read-only domain controller behind a checksum, and nothing else',
  async (t) => {
    const { pac, serverKey } = issued('Samba: cross-realm');
    for (const [extra, expected] of [
      [0, 'verified'],
      [2, 'verified'],
      [1, 'pac-server-signature'],
      [3, 'pac-server-signature'],
      [4, 'pac-server-signature'],
      [-1, 'pac-server-signature'],
      [-12, 'pac-server-signature'],
      [-13, 'pac-signature-type'],
    ] as const) {
      const buffers = decodePac(pac).buffers.map(({ type, data }) => {
        if (type !== PacBuffer.SERVER_CHECKSUM) return { type, data };
        const resized = new Uint8Array(data.length + extra);
        resized.set(data.subarray(0, 4 + 12 + extra));
        return { type, data: resized };
      });
      t.equal(
        outcome(verifyForeignPac(nodeCrypto, resign(buffers, serverKey, serverKey), serverKey)),
        expected,
        `${extra} bytes`,
      );
    }
  },
);

await t.test('has an empty signature for each etype that signs', async (t) => {
  t.strictSame(
    [17, 18, 19, 20, 23].map((etype) => {
      const data = emptySignature(etype);
      return [etype, new DataView(data.buffer).getInt32(0, true), data.length - 4];
    }),
    [
      [17, 15, 12],
      [18, 16, 12],
      [19, 19, 16],
      [20, 20, 24],
      [23, -138, 16],
    ],
  );
  t.throws(() => emptySignature(3), { code: 'bad-pac' });
});

/** These buffers with server and KDC signature made right, as far as they are there and have room. */
function resign(
  buffers: readonly { readonly type: number; readonly data: Uint8Array }[],
  serverKey: Key,
  kdcKey: Key,
): Uint8Array {
  const pac = encodePac(buffers);
  const put = (type: number, checksum: Uint8Array): void => {
    const buffer = findBuffer(pac, type);
    const room = (buffer?.data.length ?? 0) - 4;
    if (buffer !== undefined && room > 0) pac.bytes.set(checksum.subarray(0, room), buffer.offset + 4);
  };
  const server = nodeCrypto.checksum(
    serverKey,
    17,
    withZeroed(pac, PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM),
  );
  put(PacBuffer.SERVER_CHECKSUM, server);
  put(PacBuffer.KDC_CHECKSUM, nodeCrypto.checksum(kdcKey, 17, server));
  return pac.bytes;
}
