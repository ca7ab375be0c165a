import { DomainError } from '../../common/errors.ts';

/** What a refund is made of, in the order in which it is done. */
export const stepNames = [
  'ReturnGoods',
  'Restock',
  'DeductPoints',
  'RecallCoupon',
  'ReturnMoney',
] as const;
export type StepName = (typeof stepNames)[number];

export type RefundReason = 'CUSTOMER' | 'LATE_PAYMENT';

/**
 * The payment in reverse. Money goes last: what else can go wrong has gone well by then, and a customer who has his money
 * back has no reason to send anything.
 */
const stepsOf: Readonly<Record<RefundReason, readonly StepName[]>> = {
  CUSTOMER: stepNames,
  // The order was closed before its money came: nothing was sent, earned or issued.
  LATE_PAYMENT: ['ReturnMoney'],
};

/** `DUE`: somebody has been asked to do it. `FAILED`: given up, until a person has it tried again. */
export type StepStatus = 'WAITING' | 'DUE' | 'DONE' | 'FAILED';
export type SagaStatus = 'RUNNING' | 'STUCK' | 'COMPLETED';

export interface Step {
  name: StepName;
  status: StepStatus;
  /** How often it was asked for. */
  tryCount: number;
  /** How it was done, or why not; empty until then. */
  note: string;
}

export interface Saga {
  refundNo: string;
  status: SagaStatus;
  steps: readonly Step[];
}

/** What has to be told after a move: that a step is due, or that all are done. */
export type SagaNews = { due: StepName } | { completed: true } | undefined;

export interface SagaMove {
  saga: Saga;
  news: SagaNews;
}

export function beginSaga(refundNo: string, reason: RefundReason): SagaMove {
  const steps = stepsOf[reason].map((name): Step => ({
    name,
    status: 'WAITING',
    tryCount: 0,
    note: '',
  }));
  return advance({ refundNo, status: 'RUNNING', steps });
}

/**
 * Takes what became of a step. Undefined when it changes nothing: told before, or overtaken by a later success.
 *
 * Errors: REFUND.STEP_UNKNOWN, REFUND.STEP_NOT_DUE for a result nobody has asked for.
 */
export function applyResult(
  saga: Saga,
  result: { step: StepName; type: 'Done' | 'Failed'; note: string },
): SagaMove | undefined {
  const step = stepOf(saga, result.step);
  if (step.status === 'WAITING') {
    throw new DomainError(
      'REFUND.STEP_NOT_DUE',
      'invalid',
      `step ${step.name} of refund ${saga.refundNo} is ${step.status}, nobody has asked for it`,
    );
  }
  if (step.status === 'DONE') return undefined;
  if (result.type === 'Failed') {
    if (step.status === 'FAILED') return undefined;
    return {
      saga: moved(saga, { ...step, status: 'FAILED', note: result.note }, 'STUCK'),
      news: undefined,
    };
  }
  return advance(moved(saga, { ...step, status: 'DONE', note: result.note }, 'RUNNING'));
}

/** Has the step that failed tried again. Errors: REFUND.NOT_STUCK naming the state. */
export function retryFailed(saga: Saga): SagaMove {
  const failed = saga.steps.find(({ status }) => status === 'FAILED');
  if (failed === undefined) {
    throw new DomainError(
      'REFUND.NOT_STUCK',
      'conflict',
      `refund ${saga.refundNo} is ${saga.status}, only one that is STUCK can be tried again`,
    );
  }
  return askFor(saga, failed);
}

function advance(saga: Saga): SagaMove {
  const next = saga.steps.find(({ status }) => status !== 'DONE');
  if (next === undefined)
    return { saga: { ...saga, status: 'COMPLETED' }, news: { completed: true } };
  return askFor(saga, next);
}

function askFor(saga: Saga, step: Step): SagaMove {
  const due: Step = { ...step, status: 'DUE', tryCount: step.tryCount + 1 };
  return { saga: moved(saga, due, 'RUNNING'), news: { due: step.name } };
}

function moved(saga: Saga, step: Step, status: SagaStatus): Saga {
  return {
    ...saga,
    status,
    steps: saga.steps.map((each) => (each.name === step.name ? step : each)),
  };
}

function stepOf(saga: Saga, name: StepName): Step {
  const step = saga.steps.find((each) => each.name === name);
  if (step !== undefined) return step;
  throw new DomainError(
    'REFUND.STEP_UNKNOWN',
    'invalid',
    `refund ${saga.refundNo} has no step ${name}, it has ${saga.steps.map((each) => each.name).join(', ')}`,
  );
}
