import { confirm } from '../../confirm.ts';
import { describeChapters } from '../../describe-trust.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust remove REALM */
export const remove: Define = (group, context) => {
  group
    .command('remove')
    .description('end a trust, and forget its secret')
    .argument('<realm>', 'the trusted realm')
    .option('--yes', 'do not ask at a terminal whether it is meant')
    .action(async (name: string, options: { yes?: boolean }) => {
      const { ourSide, showTrust } = await import('../../../app/trusts.ts');
      const { removalGuide } = await import('../../../app/trust-guide.ts');
      await withRealm(context, async (realm) => {
        const view = await showTrust(realm, name);
        if (options.yes !== true) await confirm(`End the trust with ${name} and forget its secret?`, context);
        await realm.accounts.trusts.remove(name);
        const guide = removalGuide(view, await ourSide(realm));
        context.print({ removed: name, otherSide: guide }, () =>
          [
            `Ended the trust with ${name}. Nobody gets tickets by it any more; those for services end by themselves.`,
            '',
            'The other side:',
            '',
            describeChapters(guide),
          ].join('\n'),
        );
        if (view.declared)
          context.note(
            'The configuration declares this trust: take it out there, too, or the next start makes it again.',
          );
      });
    });
};
