import { readFileSync } from 'node:fs';
import { checkCertificate } from '../../pki/configured.ts';
import { idleRules, trustWarnings } from '../../realm/trust-settings.ts';
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
    return {
      realm: config.realm,
      mistakes: [],
      warnings: [
        ...unreadableSecrets(config, environment),
        ...idle(config),
        ...doubtful(config),
        ...certificate(config),
      ],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const mistakes = error.mistakes.map((mistake) => ({ ...mistake, text: formatMistake(file, mistake) }));
    return { realm: undefined, mistakes, warnings: [] };
  }
}

/** They matter only until the users and trusts exist, and may be readable for the server alone: so these are warnings. */
function unreadableSecrets(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const needed = [
    ...config.users.map(({ name, password }) => ({ secret: password, what: `the user ${name}` })),
    ...config.trusts.map(({ realm, secret }) => ({ secret, what: `the trust with ${realm}` })),
  ];
  return needed.flatMap(({ secret, what }) => {
    try {
      secret.read(environment);
      return [];
    } catch (error) {
      return [`${(error as Error).message}; it is needed until ${what} exists`];
    }
  });
}

/** The files of an operator's own certificate; they may be readable for the server alone, too. */
function certificate({ https }: Config): string[] {
  if (https?.files === undefined) return [];
  const read = (path: string): { path: string; text: string } => ({ path, text: readFileSync(path, 'utf8') });
  try {
    const files = { certificate: read(https.files.certificate), key: read(https.files.key) };
    const { missingNames } = checkCertificate(files, https.names, { microseconds: () => Date.now() * 1000 });
    return missingNames.map(
      (name) => `the certificate of HTTPS is not for ${name}, which stands in https.names`,
    );
  } catch (error) {
    return [
      `https.certificate and https.key: ${(error as Error).message}; the server will not start with it`,
    ];
  }
}

function doubtful({ realm, policy, trusts }: Config): string[] {
  return trusts.flatMap((trust) => trustWarnings(trust, { realm, etypes: policy.etypes }));
}

function idle({ trusts }: Config): string[] {
  return trusts.flatMap((trust) =>
    idleRules(trust).map(
      ({ sid }) =>
        `the trust with ${trust.realm} gives a right to the group ${sid}, which is in none of its domains: nobody gets it`,
    ),
  );
}
