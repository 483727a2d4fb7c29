import { progressOn } from '../progress.ts';
import { withRealm } from '../realm.ts';
import type { Define } from '../verbs.ts';

/** realmward import --users FILE */
export const define: Define = (command, context) => {
  command
    .requiredOption(
      '--users <file>',
      'CSV with a line of headings: name, and any of right, password, keys; - is standard input',
    )
    .addHelpText('after', HELP)
    .action(({ users: file }: { users: string }) =>
      withRealm(context, async (realm, { importUsers }) => {
        const { countLines, readUserList } = await import('../../app/user-list.ts');
        const total = countLines(file);
        const progress = await progressOn(context, 'users');
        const start = performance.now();
        try {
          const { rows, added, skipped } = await importUsers(realm.accounts, readUserList(file), (state) =>
            progress.update(state.rows, Math.max(total ?? 0, state.rows)),
          );
          progress.stop();
          const seconds = (performance.now() - start) / 1000;
          context.print(
            { rows, added, skipped },
            `${added} users were added${skipped > 0 ? `, ${skipped} existed and were left as they are` : ''}, in ${seconds.toFixed(1)} seconds.`,
          );
        } finally {
          progress.stop();
        }
      }),
    );
};

const HELP = `
A row holds a password, or keys as etype:hex apart by blanks, or neither for random keys:
  name,right,password,keys
  alice,Administrator,a long password,
  bob,Viewer,,18:<64 hexadecimal digits> 17:<32 hexadecimal digits>
  carol,,,
Users that exist are left as they are, so the same file may be imported again.`;
