import { describe } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { findBrowser } from '../support/browser.ts';

export const browserPath = await findBrowser();

/** `describe` of what needs a browser. Where there is none, and it is not CI, its tests are left out. */
export const describeInBrowser = browserPath === undefined ? describe.skip : describe;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath!,
    args: ['--no-sandbox'],
    timeout: 90_000,
  });
}
