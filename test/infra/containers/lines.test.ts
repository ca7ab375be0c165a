import { describe, expect, it } from '@jest/globals';
import { lineOf, readLine } from '../../../infra/containers/lines.ts';

describe('lines of the container that plays the demo', () => {
  it('are told from those for people, and come back as they were', () => {
    const line = { ask: 'kill broker' } as const;
    expect(readLine(lineOf(line))).toEqual(line);
    expect(lineOf(line)).not.toContain('\n');
    expect(readLine('    409: {"ask":"kill broker"}')).toBeUndefined();
  });
});
