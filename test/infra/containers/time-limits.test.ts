import { describe, expect, it } from '@jest/globals';
import type { Step } from '../../../infra/command.ts';
import { TimeLimits } from '../../../infra/containers/time-limits.ts';

const plainStep: Step = (_name, work) => work(() => undefined);
const never = (): Promise<never> => new Promise(() => undefined);

describe('time limits', () => {
  it('name the step that does not end, and its own limit', async () => {
    const limits = { step: 1_000, named: { image: 0.01 }, total: undefined };
    using time = new TimeLimits(plainStep, limits);
    void time.step('image', never);
    await expect(time.exceeded).rejects.toThrow('the step "image" was not done after 0.01 s');
  });

  it('name the step at which all the time there was is over', async () => {
    using time = new TimeLimits(plainStep, { step: 1_000, named: {}, total: 0.05 });
    expect(await time.step('image', () => Promise.resolve('built'))).toBe('built');
    void time.step('services', never);
    await expect(time.exceeded).rejects.toThrow('after 0.05 s in all, and at the step "services"');
  });
});
