import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { usageError } from '../context.ts';
import { commaList, durationOption } from '../options.ts';
import { knownPassword, type PasswordOptions, readSecretFile, withPasswordOptions } from '../passwords.ts';
import type { JoinSecret } from '../../app/join-realm.ts';
import type { Define } from '../verbs.ts';

interface Options extends PasswordOptions {
  readonly server: string;
  readonly user?: string;
  readonly tokenFile?: string;
  readonly host: string;
  readonly keytab: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly serial?: string;
  readonly model?: string;
  readonly etypes?: string[];
  readonly http?: boolean;
  readonly again?: boolean;
  readonly tokenOut?: string;
  readonly caOut?: string;
  readonly wipe?: boolean;
  readonly giveUpAfter?: number;
}

/** realmward join */
export const define: Define = (command, context) => {
  command
    .requiredOption('--server <url>', 'HTTPS address of the realm, such as https://realm.example')
    .requiredOption('--host <name>', 'host name of the device, by custom its serial number')
    .requiredOption('--keytab <file>', 'where its keys go; the file is made with mode 0600')
    .option('--user <name>', 'who joins it: an account with the right Join-Realm, or an Administrator')
    .option('--token-file <file>', 'join with the token in this file instead')
    .option('--ca <file>', 'trust the certificates of this authority (PEM), instead of those that Node knows')
    .option(
      '--fingerprint <sha256>',
      "trust the certificate with this SHA-256: the server's own, or its authority's",
    )
    .option('--http', 'keys for HTTP/NAME, too, for a web server on the device')
    .option(
      '--etypes <list>',
      'encryption types, apart by commas, where the device knows only these',
      commaList,
    )
    .option('--serial <text>', 'serial number, for the records')
    .option('--model <text>', 'model, for the records')
    .option('--again', 'give a device that has joined new keys; an Administrator may')
    .option('--token-out <file>', 'write the bearer token of the device to this file, with mode 0600')
    .option('--ca-out <file>', "write the certificate of the realm's authority to this file")
    .option('--wipe', 'when it has joined, remove the file that the password or token came from')
    .addOption(durationOption('--give-up-after <duration>', 'how long to try; left out: until it works'));
  withPasswordOptions(command).action(async (options: Options) => {
    const { joinRealm } = await import('../../app/join-realm.ts');
    const { replaceSecretFile, wipeFile } = await import('../../app/secret-file.ts');
    const { ca, fingerprint, keytab, host, giveUpAfter, tokenOut, caOut } = options;
    refuseContradictions(options);
    const secretFile = options.tokenFile ?? options.passwordFile;
    const joined = await joinRealm({
      server: options.server,
      trust: {
        ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
        ...(fingerprint === undefined ? {} : { fingerprint }),
      },
      secret: () => secretOf(options),
      host,
      serial: options.serial,
      model: options.model,
      etypes: options.etypes,
      http: options.http,
      keytab,
      again: options.again === true,
      keep: ({ token, ca: authority }) => {
        if (tokenOut !== undefined) replaceSecretFile(tokenOut, `${token ?? ''}\n`);
        if (caOut !== undefined) writeFileSync(caOut, authority ?? '');
      },
      patience: giveUpAfter === undefined ? Number.POSITIVE_INFINITY : giveUpAfter * 1000,
      onRetry: ({ message }, wait) =>
        context.note(`realmward: ${message}. Trying again in ${(wait / 1000).toFixed(1)} seconds.`),
    });
    if (joined === undefined) {
      context.print(
        { joined: false, keytab },
        `${keytab} has keys of host/${host.toLowerCase()} already: nothing was done.`,
      );
    } else {
      const { realm, device, servers, exposed } = joined;
      const { principals, kvno } = device;
      context.print(
        { joined: true, realm, principals, kvno, keytab, servers },
        `Joined ${principals.join(' and ')}: key version ${kvno}, written to ${keytab}.`,
      );
      if (exposed)
        context.note(
          `realmward: warning: others may read ${keytab}, and with it act as the device: chmod 600 ${keytab}`,
        );
    }
    if (options.wipe === true && secretFile !== undefined && existsSync(secretFile)) wipeFile(secretFile);
  });

  async function secretOf(options: Options): Promise<JoinSecret> {
    if (options.tokenFile !== undefined) return { token: Buffer.from(readSecretFile(options.tokenFile)) };
    const user = options.user as string;
    return { user, password: Buffer.from(await knownPassword(options, user, context)) };
  }
};

function refuseContradictions({ ca, fingerprint, user, tokenFile, passwordFile, wipe }: Options): void {
  if (ca !== undefined && fingerprint !== undefined)
    throw usageError('--ca and --fingerprint exclude each other');
  if ((user === undefined) === (tokenFile === undefined))
    throw usageError(
      'one of --user and --token-file is needed',
      'Who joins the device is an account, or whoever has a join token.',
    );
  if (user !== undefined && /[:\p{Cc}]/u.test(user))
    throw usageError('--user is no name: it has a colon or a control character');
  if (wipe === true && (tokenFile ?? passwordFile) === undefined)
    throw usageError(
      '--wipe removes a file, and the secret comes from none',
      'Use --token-file or --password-file.',
    );
}
