import { RealmwardError } from '../../base/errors.ts';
import { fields, table } from '../table.ts';
import type { Define } from '../verbs.ts';

/** realmward events [CODE] */
export const define: Define = (command, context) => {
  command
    .argument('[code]', 'one reason, as the log names it')
    .option('--markdown', 'print docs/events.md')
    .action(async (code: string | undefined, options: { markdown?: boolean }) => {
      const { eventRows, eventsMarkdown } = await import('../../app/events.ts');
      if (options.markdown === true) {
        process.stdout.write(eventsMarkdown());
        return;
      }
      const rows = eventRows();
      if (code === undefined) {
        context.print(rows, () =>
          table(
            ['reason', 'client gets', 'what happened'],
            rows.map((row) => [row.code, row.wire ?? 'no answer', row.text]),
          ),
        );
        return;
      }
      const row = rows.find((candidate) => candidate.code === code);
      if (row === undefined) {
        throw new RealmwardError('not-found', `there is no reason "${code}"`, {
          hint: '"realmward events" lists them.',
        });
      }
      context.print(row, () =>
        fields({
          reason: row.code,
          'what happened': row.text,
          'client gets': row.wire ?? 'no answer',
          'client is told': row.told,
          level: row.level,
          'what to do': row.hint,
        }),
      );
    });
};
