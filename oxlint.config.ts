import { defineConfig, type OxlintConfig } from 'oxlint';

type Override = NonNullable<OxlintConfig['overrides']>[number];

/**
 * The house, floor by floor: which folders of src/ a folder may import. Everything else is refused. ARCHITECTURE.md shows the same table
 * to people; test/toolchain/layers.test.ts compares the two and shows that the linter really refuses what is not listed.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  spec: [],
  codec: ['base', 'spec'],
  crypto: ['base', 'spec'],
  realm: ['base', 'spec'],
  pac: ['base', 'spec', 'crypto'],
  ap: ['base', 'spec', 'codec', 'crypto'],
  store: ['base', 'spec', 'realm'],
  transport: ['base', 'spec', 'codec'],
  ops: ['base', 'spec', 'realm'],
  kdc: ['base', 'spec', 'codec', 'crypto', 'realm', 'pac', 'ap'],
  client: ['base', 'spec', 'codec', 'crypto', 'ap'],
  accounts: ['base', 'spec', 'crypto', 'realm'],
  pki: ['base', 'spec', 'codec', 'realm'],
  kpasswd: ['base', 'spec', 'codec', 'crypto', 'realm', 'ap', 'accounts'],
  http: ['base', 'spec', 'codec', 'crypto', 'realm', 'pac', 'ap', 'client'],
  join: ['base', 'spec', 'codec', 'realm', 'accounts', 'http', 'pki'],
  login: ['base', 'spec', 'codec', 'crypto', 'realm', 'pac', 'ap', 'client', 'http'],
  doctor: ['base', 'spec', 'codec', 'realm', 'pac', 'client'],
  admin: ['base', 'spec', 'realm', 'ops', 'accounts', 'join', 'http', 'doctor'],
  app: ['*'],
  cli: ['base', 'spec', 'admin/schema', 'codec', 'client', 'doctor', 'app'],
};

/** Folders that run without Node too. What of theirs is Node's own lives in files named `node.ts` or `node-….ts`. */
const PORTABLE: readonly string[] = ['base', 'spec', 'codec', 'crypto', 'client'];

/** Folders that know nothing of sockets, files and databases: these are handed in. */
const CORE: readonly string[] = ['realm', 'pac', 'ap', 'kdc', 'accounts', 'kpasswd'];

/** Packages that one folder or one file of src/ alone may load. */
const KEPT: readonly { name: string; by: string; why: string }[] = [
  { name: 'ntp-time-sync', by: 'ops/time-sync.ts', why: 'it is GPL-3.0, and one file loads it (see NOTICE)' },
  { name: 'kysely', by: 'store', why: 'only store/ knows the database' },
  { name: 'dgram-as-promised', by: 'transport', why: 'only transport/ knows sockets' },
];

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['dist', 'fixtures', 'var', '.tap'],
  rules: {
    'eslint/eqeqeq': 'error',
    'import/no-cycle': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'unicorn/prefer-node-protocol': 'error',
    // Each test has its own `t`, within the `t` of its group.
    'eslint/no-shadow': 'off',
    // A codec that is compiled from schemas states what the compiler cannot see.
    'typescript/no-unsafe-type-assertion': 'off',
    // Ports are objects of plain functions, written as methods; a class that is torn from its `this` fails at its first private field.
    'typescript/unbound-method': 'off',
    // Matters of taste: a helper inside the function that it helps, arguments in groups.
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-useless-spread': 'off',
  },
  overrides: [
    ...Object.keys(FLOORS).map((folder): Override => ({
      files: [`src/${folder}/**`],
      rules: { ...limits(folder, PORTABLE.includes(folder)), 'eslint/no-console': 'error' },
    })),
    ...PORTABLE.map((folder): Override => ({
      files: [`src/${folder}/**/node.ts`, `src/${folder}/**/node-*.ts`],
      rules: limits(folder, false),
    })),
    ...KEPT.filter(({ by }) => by.endsWith('.ts')).map(({ by }): Override => ({
      files: [`src/${by}`],
      rules: limits(by.slice(0, by.indexOf('/')), false, by),
    })),
    { files: ['src/cli/**'], rules: { 'eslint/no-console': 'off' } },
  ],
});

/** The import limits of the files of `folder`, or of the one file `file` in it. The linter's regular expressions know no look-ahead. */
function limits(folder: string, portable: boolean, file = folder): NonNullable<Override['rules']> {
  const allowed = FLOORS[folder] ?? [];
  const shown = allowed.length === 0 ? 'no other folder' : allowed.join(', ');
  const patterns = [
    {
      regex: `^(\\.\\./)+(${[...forbidden(folder), 'test/', 'bench/', 'bin/', 'dist/'].join('|')})`,
      message: `${folder}/ may import ${shown} (ARCHITECTURE.md).`,
    },
    { regex: '^(#|/|file:|src/)', message: 'Import files by their relative path.' },
    ...KEPT.filter(({ by }) => by !== folder && by !== file).map(({ name, by, why }) => ({
      regex: `^${name}(/|$)`,
      message: `${name} belongs to src/${by}: ${why}.`,
    })),
  ];
  if (portable) {
    patterns.push(
      {
        regex: '^node:',
        message: `${folder}/ runs without Node, too: only its node.ts and node-….ts may ask for it.`,
      },
      {
        regex: '^\\.{1,2}/(.*/)?node(-[^/]*)?\\.ts$',
        message: 'What needs Node is handed in, not imported.',
      },
    );
  }
  if (CORE.includes(folder)) {
    patterns.push({
      regex: '^node:(dgram|net|tls|https?|http2|dns|fs|sqlite|child_process|cluster|worker_threads)(/|$)',
      message: `Sockets, files and databases are outside ${folder}/ and are handed in.`,
    });
  }
  return {
    'eslint/no-restricted-imports': ['error', { patterns }],
    'eslint/no-restricted-globals': portable
      ? ['error', 'Buffer', 'process', 'global', 'setImmediate', '__dirname']
      : 'off',
  };
}

/** Regular expressions of the folders, or parts of them, that `folder` must not import. */
function forbidden(folder: string): string[] {
  const allowed = FLOORS[folder] ?? [];
  const others = Object.keys(FLOORS).filter((other) => other !== folder && !allowed.includes(other));
  if (allowed.includes('*')) return ['cli/'];
  return others.map((other) => {
    const part = allowed.find((entry) => entry.startsWith(`${other}/`))?.slice(other.length + 1);
    return part === undefined ? `${other}/` : `${other}/${otherThan(part)}`;
  });
}

/** A regular expression for file names that are not `name` with an extension and not in a folder `name`. */
function otherThan(name: string): string {
  const branches = Array.from(name, (char, i) => `${name.slice(0, i)}[^${char}]`);
  return `(${[...branches, `${name}[^./]`].join('|')})`;
}
