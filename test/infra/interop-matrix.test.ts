import { describe, expect, it } from '@jest/globals';
import { matrixForTerminal } from '../../infra/interop-matrix.ts';

describe('the matrix in a terminal', () => {
  it('names its columns once, and gives every behaviour one line', () => {
    const markdown = `# Who works with whom

What this is.

## Sending

|         | Java → ours | Go → ours |
| ------- | :---------: | :-------: |
| a batch |      ✓      |    — 1    |

## Why

1. Go has none.
`;
    expect(matrixForTerminal(markdown).split('\n')).toEqual([
      '  a  Java → ours',
      '  b  Go → ours',
      '',
      'Sending',
      '             a    b',
      '  a batch    ✓  — 1',
      '',
      'Why',
      '  1. Go has none.',
    ]);
  });
});
