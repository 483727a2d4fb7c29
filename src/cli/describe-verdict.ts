import type { Step } from '../doctor/steps.ts';
import type { Verdict } from '../doctor/verdict.ts';
import { printable } from './table.ts';

/** The steps of a test, one a line; behind a failed one its cause and fix. */
export function describeSteps(steps: readonly Step[]): string {
  const widest = Math.max(...steps.map(({ name }) => name.length));
  return steps
    .map(({ name, ok, text, milliseconds, transport, cause, fix }) => {
      const effort = [milliseconds === undefined ? undefined : `${milliseconds.toFixed(1)} ms`, transport];
      const told = effort.filter((part) => part !== undefined).join(', ');
      const line = `${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(widest)}  ${printable(text)}${told === '' ? '' : ` [${told}]`}`;
      const indent = ' '.repeat(widest + 10);
      return [
        line,
        ...(cause === undefined ? [] : [`${indent}cause: ${cause}`]),
        ...(fix === undefined ? [] : [`${indent}fix: ${printable(fix)}`]),
      ].join('\n');
    })
    .join('\n');
}

/** The steps for scripts; `null`: there is none. */
export function stepViews(steps: readonly Step[]): object[] {
  return steps.map(({ name, ok, text, milliseconds = null, transport = null, cause = null, fix = null }) => ({
    name,
    ok,
    text,
    milliseconds,
    transport,
    cause,
    fix,
  }));
}

/** Groups, with what each gives. */
export function describeGroups(groups: readonly string[], { matched }: Verdict): string {
  if (groups.length === 0) return 'No groups came along.';
  const gives = (sid: string): string => {
    const rights = matched.filter((rule) => rule.sid === sid).map(({ right }) => right);
    return rights.length === 0 ? '' : `  gives ${rights.join(', ')}`;
  };
  return `Groups:\n${groups.map((sid) => `  ${sid}${gives(sid)}`).join('\n')}`;
}

/** The right, and why no other. */
export function describeVerdict({ rights, because, others }: Verdict): string {
  return [
    `right: ${rights.length === 0 ? 'none' : rights.join(', ')}`,
    printable(because),
    ...others.map(({ right, why }) => `Not ${right}: ${why}`),
  ].join('\n');
}
