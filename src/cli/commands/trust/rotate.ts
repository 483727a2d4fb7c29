import { COMMAND } from '../../../app/version.ts';
import { describeChapters } from '../../describe-trust.ts';
import {
  type PasswordOptions,
  refuseExtraWords,
  sharedSecret,
  withPasswordOptions,
} from '../../passwords.ts';
import type { Seconds } from '../../../base/ports.ts';
import { durationOption } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust rotate REALM */
export const rotate: Define = (group, context) => {
  const command = group
    .command('rotate')
    .description('give a trust a new secret, which is asked for; the one before it still counts')
    .argument('<realm>', 'the trusted realm');
  withPasswordOptions(command).addOption(
    durationOption(
      '--other-side-since <duration>',
      'how long ago the other side got the new secret: AD takes the one before it for an hour',
      0,
    ),
  );
  command.action(async (name: string, options: PasswordOptions & { otherSideSince: Seconds }) => {
    refuseExtraWords(command, 1);
    const { ourSide, rotateTrust, showTrust } = await import('../../../app/trusts.ts');
    const { rotationGuide } = await import('../../../app/trust-guide.ts');
    await withRealm(context, async (realm) => {
      const before = await showTrust(realm, name);
      const secret = await sharedSecret(options, name, context);
      await rotateTrust(realm.accounts, name, secret, options.otherSideSince);
      const view = await showTrust(realm, name);
      const guide = rotationGuide(view, await ourSide(realm));
      const [current, previous] = view.secrets;
      for (const warning of view.warnings) context.note(warning);
      if (current?.version === before.secrets[0]?.version) {
        context.print(
          view,
          () => `The trust with ${name} has the keys now that it lacked. Its secret is as it was.`,
        );
        return;
      }
      context.print({ ...view, otherSide: guide }, () =>
        [
          `The trust with ${name} has a new secret, version ${current?.version}.`,
          ...(view.direction === 'outbound'
            ? []
            : [
                `Tickets that come from there count with it and with the one before it, version ${previous?.version}.`,
              ]),
          ...(view.direction === 'inbound'
            ? []
            : view.newSecretFrom !== null
              ? [
                  `Tickets that we issue for there are made with the one before it until ${showIso(view.newSecretFrom)}, as Active Directory takes that one alone for an hour after it has got the new one; from then on with the new one.`,
                ]
              : [
                  'Tickets that we issue for there are made with the new one from now on: until it has it, too, our users are refused there. (Next time the other side first, if it takes tickets of both.)',
                ]),
          '',
          'Now the other side, with the same new secret:',
          '',
          describeChapters(guide),
          ...(view.direction === 'outbound'
            ? []
            : ['', `Then try it: ${COMMAND} trust test ${name} --user NAME`]),
        ].join('\n'),
      );
    });
  });
};
