import type { Define } from '../verbs.ts';
import { EXIT } from '../exit-codes.ts';

/** realmward config check|schema */
export const define: Define = (command, context) => {
  command
    .command('check')
    .description('read the configuration and say whether it is right')
    .action(async () => {
      const { checkConfig } = await import('../../app/config/check.ts');
      const file = context.configFile();
      const { mistakes, warnings, realm } = checkConfig(file, context.environment);
      context.exitCode = mistakes.length === 0 ? EXIT.ok.code : EXIT.config.code;
      context.print({ file, ok: mistakes.length === 0, realm: realm ?? null, mistakes, warnings }, () =>
        [
          ...mistakes.map(({ text }) => text),
          ...warnings.map((warning) => `warning: ${warning}`),
          mistakes.length === 0
            ? `${file} is right: it configures the realm ${realm}.`
            : `${file} is not right.`,
        ].join('\n'),
      );
    });
  command
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async () => {
      const { configJsonSchema } = await import('../../app/config/schema.ts');
      process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    });
};
