import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { runOk, type Scope, temporaryFolder } from './run.ts';

/** A certificate and its key as PEM. */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
  /** SHA-256, hexadecimal with colons. */
  readonly fingerprint: string;
}

/** A CA of the test's own, made with the program openssl (the peer `openssl`). */
export interface TestCa extends CertifiedKey {
  /** Certifies a server under these host names and IP addresses, for `days` from now (default 30). */
  issue(names: readonly string[], options?: { readonly days?: number }): Promise<CertifiedKey>;
}

export async function makeCa(scope: Scope, name = 'Test CA'): Promise<TestCa> {
  const folder = temporaryFolder(scope);
  const path = (file: string): string => join(folder, file);
  const openssl = (...args: string[]) => runOk('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const read = (stem: string): CertifiedKey => {
    const cert = readFileSync(path(`${stem}.pem`), 'utf8');
    const key = readFileSync(path(`${stem}.key`), 'utf8');
    return { cert, key, fingerprint: new X509Certificate(cert).fingerprint256 };
  };
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
  );
  let issued = 0;
  return {
    ...read('ca'),
    async issue(names, { days = 30 } = {}) {
      const stem = `server${++issued}`;
      const alternatives = names.map((one) => `${isIP(one) === 0 ? 'DNS' : 'IP'}:${one}`).join(',');
      writeFileSync(path(`${stem}.ext`), `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`);
      await openssl(
        'req',
        '-new',
        ...newKey,
        '-keyout',
        `${stem}.key`,
        '-out',
        `${stem}.csr`,
        '-subj',
        `/CN=${stem}`,
      );
      const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${stem}.ext`];
      await openssl(
        'x509',
        '-req',
        '-in',
        `${stem}.csr`,
        '-out',
        `${stem}.pem`,
        '-days',
        String(days),
        ...signed,
      );
      return read(stem);
    },
  };
}
