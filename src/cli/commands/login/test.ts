import type { Realm } from '../../../app/compose/realm.ts';
import type { LoginTestOptions } from '../../../app/login-test.ts';
import { RealmwardError } from '../../../base/errors.ts';
import type { Context } from '../../context.ts';
import { usageError } from '../../context.ts';
import { describeTickets, ticketViews } from '../../describe-tickets.ts';
import { describeSteps, stepViews } from '../../describe-verdict.ts';
import { EXIT } from '../../exit-codes.ts';
import {
  knownPassword,
  type PasswordOptions,
  refuseExtraWords,
  withPasswordOptions,
} from '../../passwords.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

interface Options extends PasswordOptions, Omit<LoginTestOptions, 'servers'> {
  readonly server?: readonly string[];
  readonly keytab?: string;
  readonly ccache?: string;
}

/** realmward login test USER@REALM */
export const test: Define = (group, context) => {
  const command = group
    .command('test')
    .description(
      'log in as a client does, step by step: ticket, ticket for a device, right; the password is asked for',
    )
    .argument('<user>', 'user@REALM; without a realm one of ours')
    .option(
      '--device <name>',
      'also get a ticket for host/NAME (or a whole service name), and say what it gives',
    )
    .option(
      '--server <address>',
      "ask this server of the user's realm: host, host:port or https://host/KdcProxy; REALM=address for another realm; may be repeated",
      collect,
    )
    .option('--ca <file>', 'believe KDC proxies that this CA (PEM) has certified')
    .option('--fingerprint <sha256>', 'believe KDC proxies with this certificate, or whose CA has it')
    .option('--keytab <file>', "log in with the user's key in this keytab, without a password")
    .option(
      '--device-keytab <file>',
      "open the device's ticket with its own keytab; else the store has its keys",
    )
    .option('--ccache <file>', 'keep the tickets in this credential cache');
  withPasswordOptions(command).action(async (text: string, options: Options) => {
    refuseExtraWords(command, 1);
    if (
      options.keytab !== undefined &&
      (options.passwordStdin === true || options.passwordFile !== undefined)
    )
      throw usageError('--keytab stands in the place of a password');
    await withRealmIfAny(context, (realm) => testLogin(realm, text, options, context));
  });
};

async function testLogin(
  realm: Realm | undefined,
  text: string,
  options: Options,
  context: Context,
): Promise<void> {
  const { keytabProof, prepareLogin, writeCache } = await import('../../../app/login-test.ts');
  const { showPrincipal } = await import('../../../client/index.ts');
  const { server: servers = [], keytab, ccache, ...others } = options;
  const login = await prepareLogin(realm, text, { ...others, servers });
  const user = showPrincipal(login.user);
  const proof =
    keytab === undefined ? { password: await knownPassword(options, user, context) } : keytabProof(keytab);
  const { ok, steps, tickets, opened } = await login.run(proof);
  if (ccache !== undefined && tickets.length > 0) writeCache(ccache, tickets);
  if (!ok) {
    const cause = steps.at(-1)?.cause;
    context.exitCode = (cause === 'no-answer' ? EXIT.unreachable : EXIT.failure).code;
  }
  const view = {
    user,
    ok,
    steps: stepViews(steps),
    tickets: ticketViews(tickets),
    groups: opened?.groups ?? null,
    right: opened?.rights ?? null,
    ccache: ccache !== undefined && tickets.length > 0 ? ccache : null,
  };
  context.print(view, () =>
    [
      describeSteps(steps),
      ...(tickets.length === 0 ? [] : ['', describeTickets(tickets)]),
      ...(opened === undefined ? [] : ['', `right: ${opened.rights.join(', ') || 'none'}`]),
      ...(view.ccache === null
        ? []
        : ['', `The tickets are in ${view.ccache}: KRB5CCNAME=FILE:${view.ccache}`]),
      '',
      ok ? conclusion(options.device, opened) : 'The login does not work: see the failed step.',
    ].join('\n'),
  );
}

function conclusion(device: string | undefined, opened: object | undefined): string {
  if (device === undefined)
    return 'The login works. What the user may do on a device is told with --device NAME.';
  if (opened !== undefined) return `The login works, at ${device}, too.`;
  return `The login works. What the user may do on ${device} stands in its ticket, which nobody but the device can open: --device-keytab FILE.`;
}

/** With the realm of the configuration, where there is one. */
async function withRealmIfAny(
  context: Context,
  work: (realm: Realm | undefined) => Promise<void>,
): Promise<void> {
  try {
    context.configFile();
  } catch (error) {
    if (error instanceof RealmwardError && error.code === 'no-config') return work(undefined);
    throw error;
  }
  return withRealm(context, work);
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
