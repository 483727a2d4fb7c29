import { COMMAND } from '../../app/version.ts';
import { usageError, type Context } from '../context.ts';
import { withRealm } from '../realm.ts';
import type { Define } from '../verbs.ts';

interface Options {
  readonly realm?: string;
  readonly out?: string;
  readonly data: string;
  readonly listen?: string[];
}

/** realmward init */
export const define: Define = (command, context) => {
  command
    .option('--realm <name>', 'with --out: write a configuration for this realm instead')
    .option('--out <file>', 'with --realm: the configuration to write; it must not exist')
    .option('--data <folder>', 'with --realm: the data folder', '/var/lib/realmward')
    .option('--listen <addresses...>', 'with --realm: addresses of the KDC; default: all, port 88')
    .action(async (options: Options) => {
      if (options.realm === undefined && options.out === undefined) return initialize(context);
      const { realm, out, data, listen } = options;
      if (realm === undefined || out === undefined) throw usageError('--realm and --out belong together');
      const { writeStarterConfig } = await import('../../app/config/starter.ts');
      writeStarterConfig(out, { realm, data, ...(listen === undefined ? {} : { listen }) });
      context.print(
        { file: out },
        `Wrote ${out}. Look it over, then:\n\n  export REALMWARD_CONFIG=${out}\n  ${COMMAND} init\n` +
          `  ${COMMAND} user add admin --right Administrator\n  ${COMMAND} serve`,
      );
    });
};

/** Makes what is missing, and says what that was. */
function initialize(context: Context): Promise<void> {
  return withRealm(context, async (realm, { prepareRealm }) => {
    const { config, created } = realm;
    const { sid, ...prepared } = await prepareRealm(realm, context.environment);
    const { realmPrincipals, users, services, trusts, changedTrusts } = prepared;
    const made = [
      ...(created ? [`the store in ${config.data}`] : []),
      ...(realmPrincipals > 0
        ? [`the realm's own principals, krbtgt/${config.realm} and kadmin/changepw`]
        : []),
      ...users.map((name) => `the user ${name}`),
      ...services.map((name) => `the service ${name}`),
      ...trusts.map((name) => `the trust with ${name}`),
    ];
    const said = [
      ...(made.length > 0
        ? [`Created for the realm ${config.realm} (${sid}):`, ...made.map((thing) => `  ${thing}`)]
        : []),
      ...changedTrusts.map((name) => `The trust with ${name} is now as the configuration says.`),
    ];
    context.print(
      {
        realm: config.realm,
        sid,
        data: config.data,
        created: { realmPrincipals, users, services, trusts },
        changed: { trusts: changedTrusts },
      },
      () =>
        said.length === 0
          ? `The realm ${config.realm} (${sid}) is complete: nothing was missing, nothing was changed.`
          : said.join('\n'),
    );
  });
}
