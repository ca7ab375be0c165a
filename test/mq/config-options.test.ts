import { describe, expect, it } from '@jest/globals';
import { parseProperties } from '../../mq/config-options.ts';

const parsed = (...lines: string[]): Record<string, string> =>
  Object.fromEntries(parseProperties(lines.join('\n')));

describe('a properties file', () => {
  it('has a setting a line, by = or : or a blank', () => {
    expect(parsed('a=1', ' b : 2 ', 'c 3', '', 'd=')).toEqual({ a: '1', b: '2', c: '3', d: '' });
  });

  it('joins a line that ends with a backslash to the next', () => {
    expect(parsed('a=1;\\', '   2', 'b=3')).toEqual({ a: '1;2', b: '3' });
  });

  it('does not join the line after a comment, whatever the comment ends with', () => {
    expect(parsed('# store in C:\\', 'a=1', '! or D:\\', 'b=2')).toEqual({ a: '1', b: '2' });
  });

  it('takes two backslashes at the end of a line for one', () => {
    expect(parsed('a=C:\\\\store\\\\', 'b=2')).toEqual({ a: 'C:\\store\\', b: '2' });
  });

  it('may end its lines with CR LF', () => {
    expect(parsed('a=1\r', '# c\\\r', 'b=2\\\r', '3\r')).toEqual({ a: '1', b: '23' });
  });
});
