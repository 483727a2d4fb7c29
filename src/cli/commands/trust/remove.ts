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
      const { ourSide, removeTrust } = await import('../../../app/trusts.ts');
      const { removalGuide } = await import('../../../app/trust-guide.ts');
      await withRealm(context, async (realm) => {
        const view = await removeTrust(realm, name, async () => {
          if (options.yes !== true)
            await confirm(`End the trust with ${name} and forget its secret?`, context);
        });
        const guide = view === undefined ? [] : removalGuide(view, await ourSide(realm));
        const ended = `Ended the trust with ${name}. Nobody gets tickets by it any more; those for services end by themselves.`;
        context.print({ removed: name, otherSide: guide }, () =>
          guide.length === 0 ? ended : [ended, '', 'The other side:', '', describeChapters(guide)].join('\n'),
        );
        if (view?.declared === true)
          context.note(
            'The configuration declares this trust: take it out there, too, or the next start makes it again.',
          );
      });
    });
};
