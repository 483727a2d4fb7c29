import { table } from '../../table.ts';
import type { Define } from '../../verbs.ts';
import { showIso } from '../../when.ts';

/** realmward keytab list FILE */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list what is in a keytab; the keys are not shown')
    .argument('<file>', 'the keytab')
    .action(async (file: string) => {
      const { listKeytab } = await import('../../../app/keytab-file.ts');
      const lines = listKeytab(file);
      context.print(lines, () =>
        lines.length === 0
          ? `${file} is a keytab without keys.`
          : table(
              ['principal', 'key version', 'encryption type', 'written'],
              lines.map((line) => [
                line.principal,
                String(line.kvno),
                line.etype,
                showIso(line.written) ?? '-',
              ]),
            ),
      );
    });
};
