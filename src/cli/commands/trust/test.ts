import { EXIT } from '../../exit-codes.ts';
import { describeGroups, describeSteps, describeVerdict, stepViews } from '../../describe-verdict.ts';
import {
  knownPassword,
  type PasswordOptions,
  refuseExtraWords,
  withPasswordOptions,
} from '../../passwords.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust test REALM --user NAME */
export const test: Define = (group, context) => {
  const command = group
    .command('test')
    .description(
      'follow a user of a trusted realm to its right here, step by step; its password is asked for',
    )
    .argument('<realm>', 'the trusted realm')
    .requiredOption('--user <name>', 'a user of that realm');
  withPasswordOptions(command).action(async (name: string, options: PasswordOptions & { user: string }) => {
    refuseExtraWords(command, 1);
    const { testVisitor, visitorOf } = await import('../../../app/people.ts');
    const { showTrust } = await import('../../../app/trusts.ts');
    const { showPrincipal } = await import('../../../client/index.ts');
    await withRealm(context, async (realm) => {
      const visitor = await visitorOf(realm, name, options.user);
      const password = await knownPassword(options, showPrincipal(visitor.principal), context);
      for (const warning of (await showTrust(realm, name)).warnings) context.note(warning);
      const { ok, steps, arrival, verdict } = await testVisitor(
        realm,
        visitor,
        { password },
        { askUs: true },
      );
      if (!ok) context.exitCode = EXIT.failure.code;
      const view = {
        realm: name,
        user: showPrincipal(visitor.principal),
        ok,
        steps: stepViews(steps),
        groups: arrival?.groups ?? null,
        right: verdict?.rights ?? null,
      };
      context.print(view, () =>
        [
          describeSteps(steps),
          ...(arrival === undefined || verdict === undefined
            ? []
            : ['', describeGroups(arrival.groups, verdict), describeVerdict(verdict)]),
          '',
          ok ? 'The trust works.' : 'The trust does not work as it should: see the failed step.',
        ].join('\n'),
      );
    });
  });
};
