import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DomainError } from '../../../../services/common/errors.ts';
import { RefundStep } from '../../../../services/contracts/refund-events.ts';
import {
  applyResult,
  beginSaga,
  retryFailed,
  stepNames,
  type RefundReason,
  type Saga,
  type SagaMove,
  type StepName,
} from '../../../../services/refund/domain/refund-saga.ts';
import { plays } from '../../../support/plays.ts';

const done = (step: StepName) => ({ step, type: 'Done' as const, note: `${step} is done` });
const failed = (step: StepName) => ({ step, type: 'Failed' as const, note: `${step} has failed` });

const begun = (reason: RefundReason = 'CUSTOMER'): Saga => beginSaga('R-1', reason).saga;

function after(saga: Saga, ...results: Parameters<typeof applyResult>[1][]): Saga {
  return results.reduce((current, result) => applyResult(current, result)?.saga ?? current, saga);
}

const statesOf = (saga: Saga): string => saga.steps.map(({ status }) => status).join(' ');

describe('the steps of a refund', () => {
  it('are those of the contract, in its order', () => {
    expect(stepNames).toEqual(Object.values(RefundStep));
  });

  it('are asked for one after the other, each when the one before it is done', () => {
    const asked: unknown[] = [];
    let move: SagaMove | undefined = beginSaga('R-1', 'CUSTOMER');
    for (const step of stepNames) {
      asked.push(move?.news);
      move = applyResult(move!.saga, done(step));
    }
    expect(asked).toEqual(stepNames.map((due) => ({ due })));
    expect(move).toMatchObject({ news: { completed: true }, saga: { status: 'COMPLETED' } });
    expect(move!.saga.steps).toEqual(
      stepNames.map((name) => ({ name, status: 'DONE', tryCount: 1, note: `${name} is done` })),
    );
  });

  it('are the money alone when it came too late', () => {
    const { saga, news } = beginSaga('R-1', 'LATE_PAYMENT');
    expect(saga.steps.map(({ name }) => name)).toEqual(['ReturnMoney']);
    expect(news).toEqual({ due: 'ReturnMoney' });
    expect(applyResult(saga, done('ReturnMoney'))?.news).toEqual({ completed: true });
  });
});

describe('a result', () => {
  it('told again changes nothing', () => {
    const saga = after(begun(), done('ReturnGoods'));
    expect(applyResult(saga, done('ReturnGoods'))).toBeUndefined();
    expect(applyResult(saga, failed('ReturnGoods'))).toBeUndefined();
    const stuck = after(saga, failed('Restock'));
    expect(applyResult(stuck, failed('Restock'))).toBeUndefined();
  });

  it('of a step nobody has asked for is refused, and says how the step stands', () => {
    expect(() => applyResult(begun(), done('Restock'))).toThrow(
      expect.objectContaining({
        code: 'REFUND.STEP_NOT_DUE',
        kind: 'invalid',
        message: 'step Restock of refund R-1 is WAITING, nobody has asked for it',
      }),
    );
  });

  it('of a step the refund does not have is refused, and says which it has', () => {
    expect(() => applyResult(begun('LATE_PAYMENT'), done('Restock'))).toThrow(
      expect.objectContaining({
        code: 'REFUND.STEP_UNKNOWN',
        kind: 'invalid',
        message: 'refund R-1 has no step Restock, it has ReturnMoney',
      }),
    );
  });

  it('that is a failure leaves the refund stuck, with its reason, and asks nobody for anything', () => {
    const move = applyResult(begun(), failed('ReturnGoods'));
    expect(move).toMatchObject({ news: undefined, saga: { status: 'STUCK' } });
    expect(move!.saga.steps[0]).toEqual({
      name: 'ReturnGoods',
      status: 'FAILED',
      tryCount: 1,
      note: 'ReturnGoods has failed',
    });
  });

  it('that is a success after all lets a stuck refund go on by itself', () => {
    const stuck = after(begun(), failed('ReturnGoods'));
    const move = applyResult(stuck, done('ReturnGoods'));
    expect(move).toMatchObject({ news: { due: 'Restock' }, saga: { status: 'RUNNING' } });
  });
});

describe('trying again', () => {
  it('asks for the step that failed, and counts that', () => {
    const stuck = after(begun(), done('ReturnGoods'), failed('Restock'));
    const { saga, news } = retryFailed(stuck);
    expect(news).toEqual({ due: 'Restock' });
    expect(saga.status).toBe('RUNNING');
    expect(statesOf(saga)).toBe('DONE DUE WAITING WAITING WAITING');
    expect(saga.steps[1]?.tryCount).toBe(2);
  });

  it.each<[string, Saga]>([
    ['RUNNING', begun()],
    ['COMPLETED', after(begun('LATE_PAYMENT'), done('ReturnMoney'))],
    ['RUNNING', retryFailed(after(begun(), failed('ReturnGoods'))).saga],
  ])('is refused for a refund that is %s, and names that', (status, saga) => {
    expect(() => retryFailed(saga)).toThrow(
      expect.objectContaining({
        code: 'REFUND.NOT_STUCK',
        kind: 'conflict',
        message: `refund R-1 is ${status}, only one that is STUCK can be tried again`,
      }),
    );
  });
});

type Happening = { step: StepName; type: 'Done' | 'Failed'; note: string } | 'retry';

/** What comes of a happening: `refused` for one that throws, which changes nothing. */
function happen(saga: Saga, happening: Happening): SagaMove | 'nothing' | 'refused' {
  try {
    const move = happening === 'retry' ? retryFailed(saga) : applyResult(saga, happening);
    return move ?? 'nothing';
  } catch (error) {
    if (error instanceof DomainError) return 'refused';
    throw error;
  }
}

describe('whatever happens, in whatever order', () => {
  const result = fc.record({
    step: fc.constantFrom(...stepNames),
    type: fc.constantFrom('Done' as const, 'Failed' as const),
    note: fc.constantFrom('a', 'b'),
  });
  /** Mostly what may well happen next, so that runs get somewhere: its step is the one that is due then. */
  const likely = fc.constantFrom('done next', 'failed next', 'retry', 'done before' as const);
  const happenings = fc.array(fc.oneof(result, likely), { maxLength: 40 });
  const reasons = fc.constantFrom<RefundReason>('CUSTOMER', 'LATE_PAYMENT');

  function concrete(
    each: Exclude<Happening, 'retry'> | string,
    names: string[],
    at: number,
  ): Happening {
    if (typeof each !== 'string') return each;
    if (each === 'retry') return each;
    const index = each === 'done before' ? at - 1 : at;
    const step = (names[index] ?? names[0]) as StepName;
    return each === 'failed next' ? failed(step) : done(step);
  }

  it('one step at a time is asked for, none is skipped, and all done in order is COMPLETED', () => {
    fc.assert(
      fc.property(reasons, happenings, (reason, list) => {
        let { saga, news } = beginSaga('R-1', reason);
        const names = saga.steps.map(({ name }) => name);
        const asked: string[] = [(news as { due: string }).due];
        // What is told by hand: how many steps were done in order, and whether the next one has failed.
        let doneCount = 0;
        let isStuck = false;
        let completedCount = 0;
        for (const each of list) {
          const happening = concrete(each, names, doneCount);
          const before = saga;
          const move = happen(saga, happening);
          if (typeof move === 'object') ({ saga, news } = move);
          else news = undefined;
          if (news && 'due' in news) asked.push(news.due);
          if (news && 'completed' in news) completedCount += 1;

          const due = names[doneCount];
          if (happening === 'retry') {
            expect(move === 'refused').toBe(!isStuck);
            isStuck = false;
          } else if (happening.step === due) {
            isStuck = happening.type === 'Failed';
            if (happening.type === 'Done') doneCount += 1;
          } else {
            // Of an earlier step it is old news, of a later one nobody can know anything.
            expect(move).toBe(
              names.indexOf(happening.step) >= 0 && names.indexOf(happening.step) < doneCount
                ? 'nothing'
                : 'refused',
            );
          }
          if (typeof move !== 'object') expect(saga).toBe(before);

          const isCompleted = doneCount === names.length;
          expect(saga.status).toBe(isCompleted ? 'COMPLETED' : isStuck ? 'STUCK' : 'RUNNING');
          expect(completedCount).toBe(isCompleted ? 1 : 0);
          expect(saga.steps.map(({ status }) => status)).toEqual(
            names.map((_, index) => {
              if (index < doneCount) return 'DONE';
              if (index > doneCount) return 'WAITING';
              return isStuck ? 'FAILED' : 'DUE';
            }),
          );
          // In order, each once or more, and never the next before this one.
          expect([...new Set(asked)]).toEqual(names.slice(0, doneCount + 1));
          expect(
            asked.toSorted((a, b) => names.indexOf(a as StepName) - names.indexOf(b as StepName)),
          ).toEqual(asked);
          for (const { name, tryCount } of saga.steps) {
            expect(tryCount).toBe(asked.filter((due) => due === name).length);
          }
        }
      }),
      plays(500),
    );
  });

  it('it completes in the end, when failures are tried again and everything is done some time', () => {
    fc.assert(
      fc.property(reasons, happenings, (reason, list) => {
        let { saga } = beginSaga('R-1', reason);
        const names = saga.steps.map(({ name }) => name);
        for (const each of list) {
          const at = saga.steps.findIndex(({ status }) => status !== 'DONE');
          const move = happen(saga, concrete(each, names, at));
          if (typeof move === 'object') saga = move.saga;
        }
        for (const name of names) saga = after(saga, done(name));
        expect(saga.status).toBe('COMPLETED');
      }),
      plays(),
    );
  });
});
