import { describe, expect, it } from '@jest/globals';
import { TransactionOutcomes } from '../../../mq/client/transaction-outcomes.ts';

describe('TransactionOutcomes', () => {
  it('knows what runs, and what was decided', () => {
    const outcomes = new TransactionOutcomes();
    expect(outcomes.of('tx')).toBeUndefined();
    outcomes.begin('tx');
    expect(outcomes.of('tx')).toBe('running');
    outcomes.settle('tx', 'COMMIT_MESSAGE');
    expect(outcomes.of('tx')).toBe('COMMIT_MESSAGE');
  });

  it('forgets a transaction that ended without a decision', () => {
    const outcomes = new TransactionOutcomes();
    outcomes.begin('tx');
    outcomes.settle('tx', 'UNKNOW');
    expect(outcomes.of('tx')).toBeUndefined();
  });

  it('keeps to the first decision', () => {
    const outcomes = new TransactionOutcomes();
    outcomes.settle('tx', 'ROLLBACK_MESSAGE');
    outcomes.settle('tx', 'COMMIT_MESSAGE');
    outcomes.settle('tx', 'UNKNOW');
    expect(outcomes.of('tx')).toBe('ROLLBACK_MESSAGE');
  });

  it('remembers the latest decisions, and all that runs', () => {
    const outcomes = new TransactionOutcomes(2);
    outcomes.begin('running');
    for (const msgId of ['1', '2', '3']) outcomes.settle(msgId, 'COMMIT_MESSAGE');
    expect(['running', '1', '2', '3'].map((msgId) => outcomes.of(msgId))).toEqual([
      'running',
      undefined,
      'COMMIT_MESSAGE',
      'COMMIT_MESSAGE',
    ]);
  });
});
