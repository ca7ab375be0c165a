import { isDocumentNo } from '../../common/document-number.ts';
import { isUnavailable } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { isNotReady, type Admission, type SaleState, type Verdict } from '../redis/sale-state.ts';
import type { FlashOrderQueue, Queueing } from './flash-order-queue.ts';
import { groupedBy, GroupedWork } from './grouped-work.ts';
import type { SaleMemory } from './sale-memory.ts';

/** What becomes of a customer's wish. */
export type Decision =
  | { type: 'QUEUED'; ticketNo: string }
  | { type: 'NOT_STARTED'; startsInMs: number }
  | { type: 'OUTCOME_UNKNOWN'; ticketNo: string }
  | { type: PlainDecision };

export type PlainDecision =
  'UNKNOWN' | 'OVER' | 'ALREADY_BOUGHT' | 'SOLD_OUT' | 'NOT_READY' | 'UNAVAILABLE' | 'BUSY';

interface Wish {
  saleId: string;
  userId: string;
  ticketNo: string;
  settle: (decision: Decision) => void;
}

/** In one script: it holds Redis for some half a millisecond. */
const MAX_ADMIT_COUNT = 256;
/** One is on its way while the answers to another are read. */
const MAX_RUNNING_COUNT = 2;
/** Customers who wait for Redis. More would wait longer than they do. */
const MAX_WAITING_COUNT = 20_000;

const decisionOf: Readonly<Record<Queueing, (ticketNo: string) => Decision>> = {
  QUEUED: (ticketNo) => ({ type: 'QUEUED', ticketNo }),
  VOID: () => ({ type: 'UNAVAILABLE' }),
  NOWHERE: () => ({ type: 'UNAVAILABLE' }),
  UNKNOWN: (ticketNo) => ({ type: 'OUTCOME_UNKNOWN', ticketNo }),
};

/**
 * Decides who buys: asks Redis, for all who came in one turn of the event loop at once, queues those it admits, and answers when
 * their messages are safe.
 */
export class OrderGate {
  readonly #state: Pick<SaleState, 'admit' | 'giveBack'>;
  readonly #queue: Pick<FlashOrderQueue, 'enqueue'>;
  readonly #memory: SaleMemory;
  readonly #newTicketNo: () => string;
  readonly #log: Log;
  readonly #group = new GroupedWork<Wish>(
    { maxCount: MAX_ADMIT_COUNT, maxRunning: MAX_RUNNING_COUNT },
    (wishes) => this.#admitAll(wishes),
  );

  constructor(parts: {
    state: Pick<SaleState, 'admit' | 'giveBack'>;
    queue: Pick<FlashOrderQueue, 'enqueue'>;
    memory: SaleMemory;
    newTicketNo: () => string;
    log: Log;
  }) {
    this.#state = parts.state;
    this.#queue = parts.queue;
    this.#memory = parts.memory;
    this.#newTicketNo = parts.newTicketNo;
    this.#log = parts.log;
  }

  /** What anybody is told just now, whoever asks; undefined when it depends. */
  decisionForAll(saleId: string): Decision | undefined {
    const remembered = this.#memory.recall(saleId);
    if (remembered === 'ASK') return undefined;
    return typeof remembered === 'object'
      ? { type: 'NOT_STARTED', ...remembered }
      : { type: remembered };
  }

  /** For one of whom it depends. Never rejects. */
  decide(saleId: string, userId: string): Promise<Decision> {
    if (!isDocumentNo(saleId)) return Promise.resolve({ type: 'UNKNOWN' });
    if (this.#group.waitingCount >= MAX_WAITING_COUNT) return Promise.resolve({ type: 'BUSY' });
    return new Promise((settle) =>
      this.#group.add({ saleId, userId, ticketNo: this.#newTicketNo(), settle }),
    );
  }

  async #admitAll(wishes: Wish[]): Promise<void> {
    const bySale = groupedBy(wishes, ({ saleId }) => saleId);
    await Promise.all(Array.from(bySale, ([saleId, some]) => this.#admit(saleId, some)));
  }

  async #admit(saleId: string, wishes: Wish[]): Promise<void> {
    const askedAtMs = performance.now();
    let admission: Admission;
    try {
      admission = await this.#state.admit(saleId, wishes);
    } catch (error) {
      const decision = this.#refused(saleId, wishes, error);
      for (const { settle } of wishes) settle(decision);
      return;
    }
    if (admission.window === 'OPEN') {
      if (admission.remaining <= 0) this.#memory.isSoldOut(saleId);
      const { verdicts, sku } = admission;
      const admittedAt = new Date(admission.admittedAtMs).toISOString();
      for (const [index, wish] of wishes.entries()) {
        this.#settle(wish, verdicts[index]!, { sku, admittedAt, askedAtMs });
      }
      return;
    }
    const decision = this.#outside(saleId, admission);
    for (const { settle } of wishes) settle(decision);
  }

  #settle(
    wish: Wish,
    verdict: Verdict,
    { sku, admittedAt, askedAtMs }: { sku: string; admittedAt: string; askedAtMs: number },
  ): void {
    const { saleId, userId, ticketNo, settle } = wish;
    switch (verdict) {
      case 'ADMITTED': {
        const order = { ticketNo, saleId, sku, userId, quantity: 1, admittedAt } as const;
        void this.#queue
          .enqueue(order, askedAtMs)
          .then((queueing) => settle(decisionOf[queueing](ticketNo)));
        return;
      }
      case 'NUMBER_TAKEN':
        this.#group.add({ ...wish, ticketNo: this.#newTicketNo() });
        return;
      default:
        settle({ type: verdict });
    }
  }

  #outside(saleId: string, admission: Exclude<Admission, { window: 'OPEN' }>): Decision {
    if (admission.window === 'OVER') {
      this.#memory.hasEnded(saleId);
      return { type: 'OVER' };
    }
    const { startsInMs } = admission;
    this.#memory.startsIn(saleId, startsInMs);
    return { type: 'NOT_STARTED', startsInMs };
  }

  #refused(saleId: string, wishes: readonly Wish[], error: unknown): Decision {
    if (isNotReady(error)) {
      // The keeper sees so for itself within a second.
      if (this.#memory.knows(saleId)) return { type: 'NOT_READY' };
      this.#memory.isUnknown(saleId);
      return { type: 'UNKNOWN' };
    }
    if (isUnavailable(error)) return { type: 'UNAVAILABLE' };
    this.#log.warn('redis has not answered who is admitted', {
      saleId,
      count: wishes.length,
      error,
    });
    this.#giveBackUnheardOf(saleId, wishes);
    return { type: 'UNAVAILABLE' };
  }

  /**
   * Redis may have admitted them and only its answer was late: nobody will ever send their messages. Sent on the same connection,
   * this comes after what it undoes. Should it fail, they are pending, and the keeper gives them back after a while.
   */
  #giveBackUnheardOf(saleId: string, wishes: readonly Wish[]): void {
    const ticketNos = wishes.map(({ ticketNo }) => ticketNo);
    this.#state.giveBack(saleId, ticketNos).catch((error: unknown) => {
      this.#log.debug('pieces could not be given back at once', { saleId, error });
    });
  }
}
