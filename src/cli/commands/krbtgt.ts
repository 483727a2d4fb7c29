import { formatDuration } from '../../app/config/duration.ts';
import { withRealm } from '../realm.ts';
import type { Define } from '../verbs.ts';

/** realmward krbtgt rotate */
export const define: Define = (command, context) => {
  command
    .command('rotate')
    .description('give the ticket-granting service new keys; tickets stay valid until they end')
    .action(() =>
      withRealm(context, async (realm, { maxTicketLife, rotateKrbtgt }) => {
        const life = maxTicketLife(realm);
        const { kvno, kept } = await rotateKrbtgt(realm.accounts, life);
        context.print(
          { kvno, kept },
          `krbtgt/${realm.config.realm} has new keys, version ${kvno}. ` +
            (kept.length === 0
              ? 'No older ones were needed any more.'
              : `Tickets under version ${kept.join(', ')} stay valid until they end, at the latest ${formatDuration(life)} after their key was replaced.`),
        );
      }),
    );
};
