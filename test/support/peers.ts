import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What a test needs of tap to say that a peer is missing. */
export interface Reporter {
  pass(message: string, extra: { skip: string }): unknown;
  fail(message: string): unknown;
}

export type PeerName = keyof typeof PEERS;

/**
 * Whether all of these foreign programs are on this machine. When one is not, the test is skipped with a line that names the Debian package;
 * where the environment variable `CI` is set it fails instead, so that a CI job cannot go green by having lost its peers. Use:
 * `if (!requirePeer(t, 'java')) return;`
 */
export function requirePeer(t: Reporter, ...names: PeerName[]): boolean {
  const lines = names.map(missingPeer).filter((line) => line !== undefined);
  if (lines.length === 0) return true;
  const message = lines.join('; ');
  if ((process.env['CI'] ?? '') === '') t.pass('needs a peer', { skip: message });
  else t.fail(`${message} (CI is set: every peer must be here)`);
  return false;
}

/** One line that says what to install for `name`; `undefined` where it is there already. */
export function missingPeer(name: PeerName): string | undefined {
  const peer: Peer = PEERS[name];
  const absent = peer.files.filter((file) =>
    file.startsWith('/') ? !existsSync(file) : findProgram(file) === undefined,
  );
  if (absent.length === 0) return undefined;
  return `${name} is missing (${absent.join(', ')}): ${peer.install ?? `apt-get install ${peer.packages}`}`;
}

/** Full path of a program in the system's folders, `undefined` where it is not installed. Never one of a user's own (pyenv and its like). */
export function findProgram(name: string): string | undefined {
  for (const folder of SYSTEM_PATH.split(':')) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Where peers are looked for, and the `PATH` they run with. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Where test/interop/install-peers.sh unpacks Heimdal, which cannot be installed beside MIT's client. */
export const HEIMDAL_ROOT = process.env['REALMWARD_HEIMDAL'] ?? '/opt/realmward-peers/heimdal';

/** Version of an installed Debian package, for reports; `unknown` where dpkg does not tell. */
export function packageVersion(name: string): string {
  try {
    const stanza = readFileSync('/var/lib/dpkg/status', 'utf8').split('\n\n');
    const found = stanza.find((text) => text.startsWith(`Package: ${name}\n`));
    return /^Version: (.*)$/m.exec(found ?? '')?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Folders of Heimdal's own shared libraries, for `LD_LIBRARY_PATH`. */
export function heimdalLibraryPath(): string {
  const lib = join(HEIMDAL_ROOT, 'usr/lib');
  return readdirSync(lib)
    .map((folder) => join(lib, folder))
    .join(':');
}

interface Peer {
  /** Debian packages that bring it. */
  readonly packages: string;
  /** Programs by name, and other files by absolute path, that must be there. */
  readonly files: readonly string[];
  /** How to get it where `apt-get install` is not the way. */
  readonly install?: string;
}

const PYTHON = '/usr/lib/python3/dist-packages';
const LIB = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

const PEERS = {
  'mit-client': { packages: 'krb5-user', files: ['kinit', 'klist', 'kvno', 'kdestroy', 'ktutil', 'kpasswd'] },
  'mit-tls': { packages: 'krb5-k5tls', files: [`${LIB}/krb5/plugins/tls/k5tls.so`] },
  'mit-kdc': {
    packages: 'krb5-kdc krb5-admin-server',
    files: ['krb5kdc', 'kdb5_util', 'kadmin.local', 'kadmind'],
  },
  heimdal: {
    packages: 'heimdal-clients',
    files: ['kinit.heimdal', 'klist.heimdal', 'kgetcred', 'kdestroy.heimdal', 'kpasswd.heimdal'].map((name) =>
      join(HEIMDAL_ROOT, 'usr/bin', name),
    ),
    install:
      'run test/interop/install-peers.sh (it unpacks heimdal-clients; REALMWARD_HEIMDAL names the folder)',
  },
  'heimdal-kdc': {
    packages: 'heimdal-kdc',
    files: ['usr/bin/kadmin.heimdal', 'usr/lib/heimdal-servers/kdc'].map((name) => join(HEIMDAL_ROOT, name)),
    install: 'run test/interop/install-peers.sh (it unpacks heimdal-kdc; REALMWARD_HEIMDAL names the folder)',
  },
  java: { packages: 'openjdk-17-jdk-headless', files: ['java', 'javac'] },
  impacket: {
    packages: 'python3-impacket',
    files: ['/usr/bin/python3', `${PYTHON}/impacket/krb5/kerberosv5.py`],
  },
  'python-gssapi': {
    packages: 'python3-gssapi',
    files: ['/usr/bin/python3', `${PYTHON}/gssapi/__init__.py`],
  },
  'samba-ad': {
    packages: 'samba samba-dsdb-modules samba-ad-provision',
    files: ['samba', '/usr/share/samba/setup/ad-schema', '/usr/share/doc/samba-dsdb-modules'],
  },
  'samba-python': {
    packages: 'python3-samba',
    files: ['/usr/bin/python3', `${PYTHON}/samba/ndr.py`],
  },
  kdcproxy: {
    packages: 'python3-kdcproxy',
    files: ['/usr/bin/python3', `${PYTHON}/kdcproxy/__init__.py`],
  },
  tshark: { packages: 'tshark', files: ['tshark'] },
  apache: {
    packages: 'apache2 libapache2-mod-auth-gssapi',
    files: ['apache2', '/usr/lib/apache2/modules/mod_auth_gssapi.so'],
  },
  openssh: { packages: 'openssh-server openssh-client', files: ['sshd', 'ssh', 'ssh-keygen'] },
  curl: { packages: 'curl', files: ['curl'] },
  openssl: { packages: 'openssl', files: ['openssl'] },
  chromium: { packages: 'chromium', files: ['chromium'] },
  faketime: { packages: 'faketime', files: ['faketime'] },
  systemd: { packages: 'systemd', files: ['systemd-analyze'] },
} as const satisfies Record<string, Peer>;
