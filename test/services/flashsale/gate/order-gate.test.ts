import { beforeEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '../../../../services/common/errors.ts';
import type { FlashOrderRequested } from '../../../../services/contracts/flash-orders.ts';
import type { LiveTicket } from '../../../../services/flashsale/domain/ticket.ts';
import type { Queueing } from '../../../../services/flashsale/gate/flash-order-queue.ts';
import { OrderGate, type Decision } from '../../../../services/flashsale/gate/order-gate.ts';
import { SaleMemory } from '../../../../services/flashsale/gate/sale-memory.ts';
import { NOT_READY, type Admission } from '../../../../services/flashsale/redis/sale-state.ts';
import { recordingLog } from '../../recording-log.ts';

const ID = '20261130-7K3M9Q2T4VXA';
const AT_MS = Date.UTC(2026, 10, 30, 10);

let admit: (wishes: readonly LiveTicket[]) => Promise<Admission>;
let queueing: Queueing;
let admitted: (readonly LiveTicket[])[];
let givenBack: string[][];
let queued: FlashOrderRequested[];
let memory: SaleMemory;
let gate: OrderGate;
let ticketCount: number;

beforeEach(() => {
  admitted = [];
  givenBack = [];
  queued = [];
  ticketCount = 0;
  queueing = 'QUEUED';
  admit = (wishes) => Promise.resolve(open(wishes.map(() => 'ADMITTED')));
  memory = new SaleMemory();
  memory.add({
    saleId: ID,
    sku: 'GRINDER-HAND',
    stock: 10,
    perUserLimit: 1,
    startsAt: new Date(0),
    endsAt: new Date(Date.now() + 3_600_000),
    state: 'OPEN',
    createdAt: new Date(0),
  });
  gate = new OrderGate({
    state: {
      admit: (_saleId, wishes) => {
        admitted.push(wishes);
        return admit(wishes);
      },
      giveBack: (_saleId, ticketNos) => {
        givenBack.push([...ticketNos]);
        return Promise.resolve(ticketNos.length);
      },
    },
    queue: {
      enqueue: (order) => {
        queued.push(order);
        return Promise.resolve(queueing);
      },
    },
    memory,
    newTicketNo: () => `ticket-${++ticketCount}`,
    log: recordingLog().log,
  });
});

type Open = Extract<Admission, { window: 'OPEN' }>;

function open(verdicts: Open['verdicts'], remaining = 5): Admission {
  return { window: 'OPEN', admittedAtMs: AT_MS, remaining, sku: 'GRINDER-HAND', verdicts };
}

const refuse = (code: string) => () =>
  Promise.reject(new DomainError(code, 'unavailable', 'for a test'));

const decided = (...userIds: string[]): Promise<Decision[]> =>
  Promise.all(userIds.map(async (userId) => gate.decisionForAll(ID) ?? gate.decide(ID, userId)));

describe('the gate', () => {
  it('asks Redis once for all who come in one turn, and queues whom it admits', async () => {
    admit = () => Promise.resolve(open(['ADMITTED', 'ALREADY_BOUGHT', 'SOLD_OUT']));
    expect(await decided('ann', 'bob', 'eve')).toEqual([
      { type: 'QUEUED', ticketNo: 'ticket-1' },
      { type: 'ALREADY_BOUGHT' },
      { type: 'SOLD_OUT' },
    ]);
    expect(admitted).toHaveLength(1);
    expect(queued).toEqual([
      {
        ticketNo: 'ticket-1',
        saleId: ID,
        sku: 'GRINDER-HAND',
        userId: 'ann',
        quantity: 1,
        admittedAt: '2026-11-30T10:00:00.000Z',
      },
    ]);
  });

  it.each<[Queueing, Decision]>([
    ['VOID', { type: 'UNAVAILABLE' }],
    ['NOWHERE', { type: 'UNAVAILABLE' }],
    ['UNKNOWN', { type: 'OUTCOME_UNKNOWN', ticketNo: 'ticket-1' }],
  ])('does not promise a customer anything whose queueing ends %s', async (end, decision) => {
    queueing = end;
    expect(await decided('ann')).toEqual([decision]);
  });

  it('does not ask Redis again once the last piece is gone', async () => {
    admit = () => Promise.resolve(open(['ADMITTED'], 0));
    await decided('ann');
    expect(gate.decisionForAll(ID)).toEqual({ type: 'SOLD_OUT' });
    memory.hasStock(ID);
    admit = () => Promise.resolve(open(['SOLD_OUT'], -1));
    await decided('bob');
    expect(await decided('bob')).toEqual([{ type: 'SOLD_OUT' }]);
    expect(admitted).toHaveLength(2);
  });

  it('remembers what Redis says of the sale’s time', async () => {
    admit = () => Promise.resolve({ window: 'NOT_STARTED', startsInMs: 60_000 });
    expect(await decided('ann')).toEqual([{ type: 'NOT_STARTED', startsInMs: 60_000 }]);
    expect(gate.decisionForAll(ID)).toMatchObject({ type: 'NOT_STARTED' });
    memory.startsIn(ID, 0);
    admit = () => Promise.resolve({ window: 'OVER' });
    expect(await decided('ann')).toEqual([{ type: 'OVER' }]);
    expect(gate.decisionForAll(ID)).toEqual({ type: 'OVER' });
    expect(admitted).toHaveLength(2);
  });

  it('tries another number when there is such a ticket already', async () => {
    const answers = [open(['NUMBER_TAKEN']), open(['ADMITTED'])];
    admit = () => Promise.resolve(answers.shift()!);
    expect(await decided('ann')).toEqual([{ type: 'QUEUED', ticketNo: 'ticket-2' }]);
  });

  it('says of a sale that the ledger has and Redis has not that it is being prepared', async () => {
    admit = refuse(NOT_READY);
    expect(await decided('ann')).toEqual([{ type: 'NOT_READY' }]);
  });

  it('asks Redis once a second about a sale nobody knows, and never about what is no number of ours', async () => {
    const unknown = '20261130-000000000000';
    admit = refuse(NOT_READY);
    expect(await gate.decide(unknown, 'ann')).toEqual({ type: 'UNKNOWN' });
    expect(gate.decisionForAll(unknown)).toEqual({ type: 'UNKNOWN' });
    expect(await gate.decide('4711', 'ann')).toEqual({ type: 'UNKNOWN' });
    expect(admitted).toHaveLength(1);
  });

  it('admits to a sale that it has not heard of yet and Redis has', async () => {
    expect(await gate.decide('20261130-000000000000', 'ann')).toMatchObject({ type: 'QUEUED' });
  });

  it('gives back what Redis may have given when its answer does not come', async () => {
    admit = () => Promise.reject(new Error('Command timed out'));
    expect(await decided('ann', 'bob')).toEqual([{ type: 'UNAVAILABLE' }, { type: 'UNAVAILABLE' }]);
    expect(givenBack).toEqual([['ticket-1', 'ticket-2']]);
  });

  it('gives nothing back when nothing was asked', async () => {
    admit = refuse('SALE.UNAVAILABLE');
    expect(await decided('ann')).toEqual([{ type: 'UNAVAILABLE' }]);
    expect(givenBack).toEqual([]);
  });

  it('sends customers away when too many wait', async () => {
    admit = () => new Promise(() => undefined);
    for (let count = 0; count < 20_000; count += 1) void gate.decide(ID, `user-${count}`);
    expect(await gate.decide(ID, 'late')).toEqual({ type: 'BUSY' });
    await Promise.resolve();
  });
});
