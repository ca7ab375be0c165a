import { describe, expect, it } from '@jest/globals';
import { threeTries } from '../../../services/common/three-tries.ts';

const failing = (failureCount: number): { send: () => Promise<string>; tries: () => number } => {
  let tryCount = 0;
  return {
    tries: () => tryCount,
    send: () => {
      tryCount += 1;
      return tryCount <= failureCount
        ? Promise.reject(new Error(`failure ${tryCount}`))
        : Promise.resolve('sent');
    },
  };
};
const always = (): boolean => true;

describe('three tries', () => {
  it.each([0, 1, 2])('send what fails %i times', async (failureCount) => {
    const { send, tries } = failing(failureCount);
    expect(await threeTries(send, always)).toBe('sent');
    expect(tries()).toBe(failureCount + 1);
  });

  it('end with the third failure', async () => {
    const { send, tries } = failing(9);
    await expect(threeTries(send, always)).rejects.toThrow('failure 3');
    expect(tries()).toBe(3);
  });

  it('are one when trying again cannot help', async () => {
    const { send, tries } = failing(9);
    await expect(threeTries(send, () => false)).rejects.toThrow('failure 1');
    expect(tries()).toBe(1);
  });

  it('are fewer when a try takes longer than a customer waits', async () => {
    let nowMs = 0;
    const { send, tries } = failing(9);
    const slowly = (): Promise<string> => {
      nowMs += 1_600;
      return send();
    };
    await expect(threeTries(slowly, always, () => nowMs)).rejects.toThrow('failure 2');
    expect(tries()).toBe(2);
  });
});
