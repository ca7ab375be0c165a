import TestSequencer from '@jest/test-sequencer';

/** They take a minute and more, which Jest cannot know where it has not run them before: the last to begin would end alone. */
const slow = /(?:-(?:crash|faults|rebuild|storm|chaos|scenarios)|\/(?:scenario|matrix))\.test\.ts$/;

export default class SlowFirst extends TestSequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isSlow = ({ path }) => slow.test(path);
    return [...sorted.filter(isSlow), ...sorted.filter((test) => !isSlow(test))];
  }
}
