import { RealmwardError } from '../../base/errors.ts';
import type { TrustReport } from '../../doctor/trust-test.ts';
import type { Verdict } from '../../doctor/verdict.ts';
import { type Context, usageError } from '../context.ts';
import { describeGroups, describeVerdict, stepViews } from '../describe-verdict.ts';
import { knownPassword, type PasswordOptions, refuseExtraWords, withPasswordOptions } from '../passwords.ts';
import { withRealm } from '../realm.ts';
import type { Define } from '../verbs.ts';

interface Options extends PasswordOptions {
  readonly ccache?: string;
}

/** realmward rights explain USER[@REALM] */
export const define: Define = (group, context) => {
  const command = group
    .command('explain')
    .description('say what somebody may do, by which account or group, and why not more')
    .argument('<user>', 'an account of ours, or a user of a trusted realm with @REALM')
    .option(
      '--ccache <file>',
      "read the groups of a trusted realm's user from this credential cache, instead of a password",
    );
  withPasswordOptions(command).action(async (text: string, options: Options) => {
    refuseExtraWords(command, 1);
    const { findVisitor, ownRights, testVisitor } = await import('../../app/people.ts');
    const { showPrincipal } = await import('../../client/index.ts');
    await withRealm(context, async (realm) => {
      const visitor = await findVisitor(realm, text);
      if (visitor === undefined) {
        if (
          options.ccache !== undefined ||
          options.passwordStdin === true ||
          options.passwordFile !== undefined
        )
          throw usageError(
            'an account of ours needs neither a password nor a credential cache: the store knows its right',
          );
        const { principal, verdict } = await ownRights(realm, text);
        return print(context, { principal, source: 'account' }, verdict, [
          `${principal} is an account of this realm.`,
        ]);
      }
      const who = showPrincipal(visitor.principal);
      const proof =
        options.ccache === undefined
          ? { password: await knownPassword(options, who, context) }
          : { ccache: options.ccache };
      const report = await testVisitor(realm, visitor, proof, { askUs: false });
      const { arrival, verdict } = report;
      const source = {
        principal: arrival?.client ?? who,
        source: 'trust',
        trust: visitor.trust.realm,
        steps: stepViews(report.steps),
      };
      if (arrival === undefined || verdict === undefined)
        return print(context, { ...source, groups: null }, refusedVerdict(report), [
          `${who} comes by the trust with ${visitor.trust.realm}.`,
        ]);
      const { account = null, groups, dropped } = arrival;
      return print(context, { ...source, account, groups, dropped }, verdict, [
        `${arrival.client}${account === null ? '' : `, ${account},`} comes by the trust with ${visitor.trust.realm}.`,
        describeGroups(groups, verdict),
      ]);
    });
  });
};

function print(context: Context, about: object, verdict: Verdict, lines: readonly string[]): void {
  const { rights, would, matched, because, others } = verdict;
  context.print({ ...about, right: rights, would, matched, because, others }, () =>
    [...lines, describeVerdict(verdict)].join('\n'),
  );
}

/** Steps at which our KDC would refuse what came, so that there is no right; before them nobody knows who it is. */
const REFUSALS: ReadonlySet<string> = new Set(['trust', 'key', 'client', 'PAC', 'signatures', 'identity']);

/** Throws the reason where it does not tell anything about rights. */
function refusedVerdict({ steps }: TrustReport): Verdict {
  const failed = steps.find(({ ok }) => !ok);
  if (failed === undefined || !REFUSALS.has(failed.name)) {
    throw new RealmwardError(
      failed?.cause ?? 'other',
      `the groups cannot be told: ${failed?.text ?? 'no step failed'}`,
      failed?.fix === undefined ? {} : { hint: failed.fix },
    );
  }
  const fix = failed.fix === undefined ? '' : ` ${failed.fix}`;
  return {
    rights: [],
    would: [],
    matched: [],
    because: `Nobody comes in so: ${failed.text}${fix}`,
    others: [],
  };
}
