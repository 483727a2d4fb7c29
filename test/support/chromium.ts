import { launch, type Page } from 'puppeteer-core';
import { findProgram } from './peers.ts';
import type { Scope } from './run.ts';

/** A blank page of headless Chromium (the peer `chromium`), which takes any certificate; it ends with `scope`. */
export async function openPage(scope: Scope): Promise<Page> {
  const browser = await launch({
    executablePath: findProgram('chromium') ?? '',
    acceptInsecureCerts: true,
    // Chromium's sandbox does not let root in.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  scope.teardown(() => browser.close());
  return browser.newPage();
}
