import { describe, expect, it } from '@jest/globals';
import { GatheredLines } from '../../../services/common/gathered-lines.ts';
import { until } from '../../support/deadline.ts';

function gathered(): { lines: GatheredLines; writes: string[] } {
  const writes: string[] = [];
  const lines = new GatheredLines({ write: (text) => void writes.push(text) });
  return { lines, writes };
}

describe('gathered lines', () => {
  it('of a moment are written at once, in their order, and without being asked', async () => {
    const { lines, writes } = gathered();
    for (const line of ['one\n', 'two\n', 'three\n']) lines.write(line);
    expect(writes).toEqual([]);
    await until(() => writes.length > 0, { what: 'the lines' });
    lines.write('four\n');
    await until(() => writes.length > 1, { what: 'a later line' });
    expect(writes).toEqual(['one\ntwo\nthree\n', 'four\n']);
  });

  it('are cut into writes of whole lines that a pipe takes in one piece', () => {
    const { lines, writes } = gathered();
    const line = `${'ü'.repeat(499)}\n`;
    for (let count = 0; count < 9; count += 1) lines.write(line);
    lines.flush();
    expect(writes.map((text) => text.length)).toEqual([4 * line.length, 4 * line.length, 500]);
  });

  it('are not held up by one that is longer than that', () => {
    const { lines, writes } = gathered();
    const long = `${'x'.repeat(10_000)}\n`;
    lines.write('before\n');
    lines.write(long);
    lines.write('after\n');
    lines.flush();
    lines.flush();
    expect(writes).toEqual(['before\n', long, 'after\n']);
  });

  it('that wait when the process ends are written before it does', () => {
    const before = process.listeners('exit');
    const { lines, writes } = gathered();
    lines.write('last\n');
    const [atExit] = process.listeners('exit').filter((listener) => !before.includes(listener));
    atExit!(0);
    expect(writes).toEqual(['last\n']);
  });
});
