import { commaList } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward keytab export PRINCIPAL… --out FILE */
export const exportKeys: Define = (group, context) => {
  group
    .command('export')
    .description('write the current keys of services or users to a keytab; the keys stay as they are')
    .argument('<principals...>', 'services or users, with or without the realm')
    .requiredOption('--out <file>', 'the keytab; keys are added behind what is in it')
    .option('--etypes <list>', 'only keys of these encryption types, apart by commas', commaList)
    .action((principals: string[], { out, etypes }: { out: string; etypes?: string[] }) =>
      withRealm(context, async (realm, { etypesByName, keytabEntries }) => {
        const { appendToKeytabFile, keytabLine } = await import('../../../app/keytab-file.ts');
        const wanted = etypes && etypesByName(etypes);
        const entries = [];
        for (const principal of principals) entries.push(...(await keytabEntries(realm, principal, wanted)));
        const { exposed } = appendToKeytabFile(out, entries);
        const lines = entries.map(keytabLine);
        context.print({ file: out, entries: lines }, () =>
          lines
            .map(
              ({ principal, kvno, etype }) =>
                `${principal}: key version ${kvno}, ${etype}, written to ${out}.`,
            )
            .join('\n'),
        );
        if (exposed)
          context.note(
            `realmward: warning: others may read ${out}, and with it act as its principals: chmod 600 ${out}`,
          );
      }),
    );
};
