import { describe, expect, it } from '@jest/globals';
import { readConsumeResult } from '../../../mq/client/consume-result.ts';

describe('what a listener returns', () => {
  it.each([
    [undefined],
    [null],
    ['CONSUME_SUCCESS'],
    [7],
    [false],
    [{ affectedRows: 1 }],
    [{ status: 200 }],
    [{ status: 'CONSUME_SUCCESS' }],
    [[1, 2]],
  ])('%j counts as consumed', (result) => {
    expect(readConsumeResult(result)).toEqual({ isConsumed: true });
  });

  it.each([
    ['RECONSUME_LATER', 0],
    [{ status: 'RECONSUME_LATER' }, 0],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: undefined }, 0],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: null }, 0],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 0 }, 0],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: -1 }, -1],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 18 }, 18],
    // As in Java: the broker takes it for its highest.
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 99 }, 99],
  ])('%j is a retry at level %d', (result, delayTimeLevel) => {
    expect(readConsumeResult(result)).toEqual({ isConsumed: false, delayTimeLevel });
  });

  const giveUp = { status: 'RECONSUME_LATER', delayTimeLevel: -1 };

  it('may say why a message is given up', () => {
    expect(readConsumeResult({ ...giveUp, deadLetterReason: 'unknown order' })).toEqual({
      isConsumed: false,
      delayTimeLevel: -1,
      deadLetterReason: 'unknown order',
    });
  });

  it.each([[undefined], [null], ['']])('gives a message up without a reason for %j', (none) => {
    const verdict = readConsumeResult({ ...giveUp, deadLetterReason: none });
    expect(verdict).toEqual({ isConsumed: false, delayTimeLevel: -1 });
  });

  it.each<[unknown, string]>([
    ['reconsume_later', 'the listener returned "reconsume_later", which is no result'],
    ['', 'the listener returned "", which is no result'],
    [{ status: 'RETRY' }, 'status: "RETRY"'],
    [{ delayTimeLevel: 3 }, 'status: undefined, delayTimeLevel: 3'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: -2 }, 'delayTimeLevel: -2'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: Number.NaN }, 'delayTimeLevel: NaN'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 1.5 }, 'delayTimeLevel: 1.5'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 2 ** 31 }, 'no integer in -1..2147483647'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: '3' }, 'delayTimeLevel: "3"'],
    [
      { ...giveUp, deadLetterReason: 7 },
      'deadLetterReason: 7 }, whose deadLetterReason is no text',
    ],
    [{ ...giveUp, deadLetterReason: new Error('no') }, 'deadLetterReason: an object }'],
    [{ ...giveUp, delayTimeLevel: 3, deadLetterReason: 'no' }, 'no delayTimeLevel of -1 to give'],
    [{ status: 'RECONSUME_LATER', deadLetterReason: 'no' }, 'no delayTimeLevel of -1 to give up'],
    [{ status: 'CONSUME_SUCCESS', deadLetterReason: 'no' }, 'which is no result'],
    [{ deadLetterReason: 'no' }, 'status: undefined'],
  ])('%j is retried after the usual time, with a word of what is wrong', (result, text) => {
    const verdict = readConsumeResult(result);
    expect(verdict).toMatchObject({ isConsumed: false, delayTimeLevel: 0 });
    expect(verdict).toMatchObject({ fault: { code: 'INVALID_ARGUMENT' } });
    expect('fault' in verdict && verdict.fault?.message).toContain(text);
  });
});
