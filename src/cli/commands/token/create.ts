import { durationOption, wholeNumber } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

interface Options {
  readonly uses: number;
  readonly ttl: number;
  readonly out?: string;
}

/** realmward token create */
export const create: Define = (group, context) => {
  group
    .command('create')
    .description('make a token that devices join with; it is shown this once')
    .option('--uses <number>', 'how many devices may join with it', wholeNumber, 1)
    .addOption(durationOption('--ttl <duration>', 'how long it may be used, such as 8h', 3600))
    .option('--out <file>', 'write it to a new file, which only its owner may read, instead of showing it')
    .action(({ uses, ttl, out }: Options) =>
      withRealm(context, async (realm, { createJoinToken }) => {
        const { joinTokenView } = await import('../../../app/devices.ts');
        const { createSecretFile } = await import('../../../app/secret-file.ts');
        const { token, joinToken } = await createJoinToken(
          { ...realm.accounts, joinTokens: realm.store.joinTokens },
          { uses, ttl },
        );
        const view = joinTokenView(joinToken, joinToken.created);
        if (out !== undefined) {
          try {
            createSecretFile(out, `${token}\n`);
          } catch (error) {
            // Nobody has seen it.
            await realm.store.joinTokens.revoke(joinToken.id);
            throw error;
          }
        }
        const devices = uses === 1 ? 'one device' : `${uses} devices`;
        context.note(
          `The join token ${view.id} is good for ${devices} until ${showIso(view.expires)}${out === undefined ? '' : `; it is in ${out}`}.`,
        );
        if (out === undefined) context.print({ ...view, token }, token);
        else context.print({ ...view, file: out }, '');
      }),
    );
};
