import { EXIT } from '../exit-codes.ts';
import { table } from '../table.ts';
import type { Define } from '../verbs.ts';

/** realmward ping */
export const define: Define = (command, context) => {
  command.action(async () => {
    const { ping } = await import('../../app/ping.ts');
    const pongs = await ping(await context.config());
    if (pongs.some(({ ok }) => !ok)) context.exitCode = EXIT.unreachable.code;
    context.print(pongs, () =>
      table(
        ['transport', 'address', 'state', 'ms', 'clock', 'answer'],
        pongs.map(({ transport, address, ok, milliseconds, clockOffset, detail }) => [
          transport,
          address,
          ok ? 'ok' : 'failed',
          milliseconds.toFixed(1),
          clockOffset === undefined ? '' : `${clockOffset < 0 ? '' : '+'}${clockOffset.toFixed(2)}s`,
          detail,
        ]),
      ),
    );
  });
};
