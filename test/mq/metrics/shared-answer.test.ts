import { describe, expect, it } from '@jest/globals';
import { SharedAnswer } from '../../../mq/metrics/shared-answer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('an answer that is shared', () => {
  it('is made once for all who ask meanwhile and for some time after', async () => {
    const clock = new FakeClock();
    const made: ((text: string) => void)[] = [];
    const make = (): Promise<string> => new Promise((resolve) => made.push(resolve));
    const shared = new SharedAnswer(make, 2_000, clock);
    const [first, second] = [shared.get(), shared.get()];
    clock.advance(60_000);
    const third = shared.get();
    made[0]!('one');
    expect(await Promise.all([first, second, third])).toEqual(['one', 'one', 'one']);
    clock.advance(1_999);
    expect(await shared.get()).toBe('one');
    clock.advance(1);
    const next = shared.get();
    made[1]!('two');
    expect(await next).toBe('two');
    expect(made).toHaveLength(2);
  });

  it('may be a failure, and is tried again after that', async () => {
    const clock = new FakeClock();
    const answers = [Promise.reject(new Error('no')), Promise.resolve('yes')];
    const shared = new SharedAnswer(() => answers.shift()!, 2_000, clock);
    await expect(shared.get()).rejects.toThrow('no');
    await expect(shared.get()).rejects.toThrow('no');
    clock.advance(2_000);
    expect(await shared.get()).toBe('yes');
  });
});
