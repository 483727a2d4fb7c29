import type { Context } from './context.ts';

/** A bar on a terminal; nothing elsewhere. */
export interface Progress {
  /** `total` 0: not known. */
  update(done: number, total: number): void;
  /** Takes the bar away; may be called twice. */
  stop(): void;
}

/** Progress of so many `things` on standard error, if that is a terminal and people are looking. */
export async function progressOn(context: Context, things: string): Promise<Progress> {
  if (!process.stderr.isTTY || context.options().json === true) return { update() {}, stop() {} };
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({
    format: `[{bar}] {value} of {total} ${things}, {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  let started = false;
  return {
    update(done, total) {
      if (!started) bar.start(total, done);
      else bar.update(done);
      if (started) bar.setTotal(total);
      started = true;
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}
