import { expect, it, jest } from '@jest/globals';
import { findBrowser } from '../support/browser.ts';
import { fakeMachine } from './databases/fake-machine.ts';

it('finds the browser of the machine', async () => {
  const machine = fakeMachine({ executables: { 'google-chrome': '/opt/google/chrome' } });
  expect(await findBrowser(machine)).toBe('/opt/google/chrome');
});

it('says why there is no browser, and fails in CI', async () => {
  const warn = jest.spyOn(console, 'warn').mockReturnValue();
  const why = /none of chromium, .* is here, and only root can install one/;
  expect(await findBrowser(fakeMachine({ isRoot: false }))).toBeUndefined();
  expect(String(warn.mock.calls[0]?.[1])).toMatch(why);
  const ofCi = fakeMachine({ isRoot: false, env: { CI: 'true' } });
  await expect(findBrowser(ofCi)).rejects.toThrow(why);
});
