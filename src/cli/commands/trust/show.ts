import { describeTrust } from '../../describe-trust.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust show REALM */
export const show: Define = (group, context) => {
  group
    .command('show')
    .description('show everything about a trust but its secret')
    .argument('<realm>', 'the trusted realm')
    .action(async (name: string) => {
      const { showTrust } = await import('../../../app/trusts.ts');
      await withRealm(context, async (realm) => {
        const trust = await showTrust(realm, name);
        context.print(trust, () => describeTrust(trust));
        for (const warning of trust.warnings) context.note(warning);
      });
    });
};
