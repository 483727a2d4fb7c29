import { type Config, loadConfig } from './load.ts';
import { ConfigError, formatMistake, type Mistake } from './mistakes.ts';

export interface ConfigCheck {
  /** The realm's name, where the file is right. */
  readonly realm: string | undefined;
  readonly mistakes: readonly (Mistake & { readonly text: string })[];
  /** What is no mistake of the file, but would keep something from working here and now. */
  readonly warnings: readonly string[];
}

/** Says what is wrong with a configuration file. Throws `RealmwardError` `no-config` where it cannot be read. */
export function checkConfig(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigCheck {
  try {
    const config = loadConfig(file);
    return { realm: config.realm, mistakes: [], warnings: unreadableSecrets(config, environment) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const mistakes = error.mistakes.map((mistake) => ({ ...mistake, text: formatMistake(file, mistake) }));
    return { realm: undefined, mistakes, warnings: [] };
  }
}

/** They matter only until the users exist, and may be readable for the server alone: so these are warnings. */
function unreadableSecrets(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return config.users.flatMap(({ name, password }) => {
    try {
      password.read(environment);
      return [];
    } catch (error) {
      return [`${(error as Error).message}; it is needed until the user ${name} exists`];
    }
  });
}
