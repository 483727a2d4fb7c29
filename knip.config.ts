import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/cli/main.ts',
    // The client library, for other programs.
    'src/client/{index,node,portable}.ts',
    // Assigned numbers stand here whether or not they are used yet.
    'src/spec/*.ts',
    // These two are loaded as whole modules and handed on: by commands, and by the migrator.
    'src/app/administer.ts',
    'src/store/migrations/*.ts',
    'bench/*.ts',
    'packages/*/*.ts',
    'examples/*/main.ts',
    'examples/realmward-client/*.ts',
    'test/**/*.test.ts',
  ],
  project: ['src/**/*.ts', 'bench/**/*.ts', 'packages/**/*.ts', 'examples/**/*.ts', 'test/**/*.ts', '*.ts'],
  // What a function takes and returns may be named, even where nobody needs the name yet.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // The RFCs give one type several names.
  exclude: ['duplicates'],
  ignoreBinaries: ['taskset'],
};

export default config;
