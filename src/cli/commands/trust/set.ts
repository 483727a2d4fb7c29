import { usageError } from '../../context.ts';
import { describeTrust } from '../../describe-trust.ts';
import { withRealm } from '../../realm.ts';
import { type TrustCommandOptions, trustOptions, withTrustOptions } from '../../trust-options.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust set REALM */
export const set: Define = (group, context) => {
  const command = group
    .command('set')
    .description('change a trust, but for its secret')
    .argument('<realm>', 'the trusted realm');
  // Behind --report-only and --transitive: else those would be the default.
  withTrustOptions(command)
    .option('--no-report-only', 'grant what the trust says')
    .option('--no-transitive', 'the trust leads nowhere else')
    .action(async (name: string, options: TrustCommandOptions) => {
      const wanted = trustOptions(options);
      if (Object.keys(wanted).length === 0)
        throw usageError('"trust set" needs to know what to set', '--help lists the options.');
      const { setTrust } = await import('../../../app/trusts.ts');
      await withRealm(context, async (realm) => {
        const trust = await setTrust(realm, name, wanted);
        context.print(trust, () => `The trust now:\n${describeTrust(trust)}`);
        for (const warning of trust.warnings) context.note(warning);
        if (trust.declared)
          context.note(
            `The configuration declares this trust: change it there, too, or the next start takes this back.`,
          );
      });
    });
};
