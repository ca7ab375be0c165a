import { beforeEach, describe, expect, it } from '@jest/globals';
import { BrokerBreaker } from '../../../../services/common/broker-breaker.ts';
import { Clock } from '../../../../services/common/clock.ts';
import { DomainError } from '../../../../services/common/errors.ts';
import { Metrics } from '../../../../services/common/metrics.ts';
import { FlashOrderQueue } from '../../../../services/flashsale/gate/flash-order-queue.ts';
import { NOT_READY } from '../../../../services/flashsale/redis/sale-state.ts';
import { recordingLog } from '../../recording-log.ts';

const GRACE_MS = 1_000;
const order = {
  ticketNo: '20261130-7K3M9Q2T4VXA',
  saleId: '20261130-9Q2T4VXA7K3M',
  sku: 'GRINDER-HAND',
  userId: 'ann',
  quantity: 1,
  admittedAt: '2026-11-30T10:00:00.000Z',
} as const;

let confirm: () => Promise<string[]>;
let queue: FlashOrderQueue;

beforeEach(() => {
  confirm = () => Promise.resolve([]);
  queue = new FlashOrderQueue({
    dataSource: undefined as never,
    sender: { send: () => Promise.resolve('SENT') },
    relay: { wake: () => undefined },
    breaker: new BrokerBreaker(),
    state: { confirm: () => confirm(), giveBack: () => Promise.resolve(1) },
    spoolTimeoutMs: 0,
    graceMs: GRACE_MS,
    clock: new Clock(),
    metrics: new Metrics('test'),
    log: recordingLog().log,
  });
});

describe('a customer whose message is safe', () => {
  it('is queued, unless he was given up before Redis was told', async () => {
    expect(await queue.enqueue(order, performance.now())).toBe('QUEUED');
    confirm = () => Promise.resolve([order.ticketNo]);
    expect(await queue.enqueue(order, performance.now())).toBe('VOID');
  });

  it('is promised nothing that Redis was not told of', async () => {
    confirm = () => Promise.reject(new Error('the connection is closed'));
    expect(await queue.enqueue(order, performance.now())).toBe('UNKNOWN');
  });

  it('is queued while the sale is built anew, but not when the keeper did not wait for so late a message', async () => {
    confirm = () => Promise.reject(new DomainError(NOT_READY, 'unavailable', 'for a test'));
    expect(await queue.enqueue(order, performance.now())).toBe('QUEUED');
    expect(await queue.enqueue(order, performance.now() - GRACE_MS - 1)).toBe('UNKNOWN');
  });
});
