import { COMMAND } from '../../../app/version.ts';
import { describeChapters } from '../../describe-trust.ts';
import {
  type PasswordOptions,
  refuseExtraWords,
  sharedSecret,
  withPasswordOptions,
} from '../../passwords.ts';
import { withRealm } from '../../realm.ts';
import { type TrustCommandOptions, trustOptions, withTrustOptions } from '../../trust-options.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust add REALM */
export const add: Define = (group, context) => {
  const command = group
    .command('add')
    .description('make a trust with another realm; the secret is asked for, and what to do there is printed')
    .argument('<realm>', 'name of the other realm, exactly as it writes it');
  withTrustOptions(withPasswordOptions(command)).action(
    async (name: string, options: PasswordOptions & TrustCommandOptions) => {
      refuseExtraWords(command, 1);
      const { createTrust, newTrust, ourSide, showTrust } = await import('../../../app/trusts.ts');
      const { directionSentence, KIND_NAMES, setUpGuide } = await import('../../../app/trust-guide.ts');
      await withRealm(context, async (realm) => {
        // Before the secret is asked for: who types one in vain types it again somewhere else.
        const settings = await newTrust(realm, { ...trustOptions(options), realm: name });
        const secret = await sharedSecret(options, name, context);
        await createTrust(realm.accounts, settings, secret);
        const view = await showTrust(realm, name);
        const guide = setUpGuide(view, await ourSide(realm));
        context.print({ ...view, otherSide: guide }, () =>
          [
            `Made the trust with ${view.realm} (${KIND_NAMES[view.kind]}).`,
            directionSentence(view),
            '',
            'Now the other side, with the same secret:',
            '',
            describeChapters(guide),
            ...(view.direction === 'outbound'
              ? []
              : ['', `Then try it: ${COMMAND} trust test ${view.realm} --user NAME`]),
          ].join('\n'),
        );
        for (const warning of view.warnings) context.note(warning);
      });
    },
  );
};
