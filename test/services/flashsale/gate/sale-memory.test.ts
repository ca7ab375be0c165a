import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FlashSale } from '../../../../services/flashsale/domain/flash-sale.ts';
import { SaleMemory } from '../../../../services/flashsale/gate/sale-memory.ts';

const ID = '20261130-7K3M9Q2T4VXA';
const OTHER = '20261201-7K3M9Q2T4VXA';

let clocks: { nowMs: number; steadyMs: number };
let memory: SaleMemory;

function sale(saleId = ID, other: Partial<FlashSale> = {}): FlashSale {
  return {
    saleId,
    sku: 'GRINDER-HAND',
    stock: 10,
    perUserLimit: 1,
    startsAt: new Date(0),
    endsAt: new Date(1_000_000),
    state: 'OPEN',
    createdAt: new Date(0),
    ...other,
  };
}

beforeEach(() => {
  clocks = { nowMs: 0, steadyMs: 5 };
  memory = new SaleMemory(
    () => clocks.nowMs,
    () => clocks.steadyMs,
  );
  memory.learn([sale(), sale(OTHER)]);
});

describe('a gate’s memory', () => {
  it('asks Redis for a sale that goes on, and for one it has never heard of', () => {
    expect(memory.recall(ID)).toBe('ASK');
    expect(memory.recall('20261130-000000000000')).toBe('ASK');
  });

  it('answers by itself that a sale is sold out, until there is stock again', () => {
    memory.isSoldOut(ID);
    expect([memory.recall(ID), memory.recall(OTHER)]).toEqual(['SOLD_OUT', 'ASK']);
    expect(memory.soldOut()).toEqual([ID]);
    memory.hasStock(ID);
    expect([memory.recall(ID), memory.soldOut()]).toEqual(['ASK', []]);
  });

  it('keeps what it knows of a sale when it is told of the sale again', () => {
    memory.isSoldOut(ID);
    memory.learn([sale()]);
    expect(memory.recall(ID)).toBe('SOLD_OUT');
  });

  it('answers that a sale has not started for as long as Redis has said', () => {
    memory.startsIn(ID, 100);
    clocks.steadyMs += 40;
    expect(memory.recall(ID)).toEqual({ startsInMs: 60 });
    clocks.steadyMs += 60;
    expect(memory.recall(ID)).toBe('ASK');
  });

  it('asks Redis again after two seconds whether a sale has started or is over: its clock may have been set', () => {
    memory.startsIn(ID, 3_600_000);
    memory.hasEnded(OTHER);
    clocks.steadyMs += 1_999;
    expect(memory.recall(ID)).toEqual({ startsInMs: 3_598_001 });
    expect(memory.recall(OTHER)).toBe('OVER');
    clocks.steadyMs += 1;
    expect([memory.recall(ID), memory.recall(OTHER)]).toEqual(['ASK', 'ASK']);
  });

  it('answers that a sale is over when Redis has said so, when it is closed, or long after its end', () => {
    memory.hasEnded(OTHER);
    expect(memory.recall(OTHER)).toBe('OVER');
    clocks.nowMs = 1_059_999;
    expect(memory.recall(ID)).toBe('ASK');
    clocks.nowMs = 1_060_000;
    expect(memory.recall(ID)).toBe('OVER');
    clocks.nowMs = 0;
    memory.learn([sale(ID, { state: 'CLOSED' })]);
    expect(memory.recall(ID)).toBe('OVER');
  });

  it('forgets what the ledger does not list any more', () => {
    memory.isSoldOut(ID);
    memory.learn([sale(OTHER)]);
    expect([memory.recall(ID), memory.knows(ID), memory.soldOut()]).toEqual(['ASK', false, []]);
  });

  it('remembers an unknown sale for a second, unless it is opened meanwhile', () => {
    const id = '20261130-000000000000';
    memory.isUnknown(id);
    expect(memory.recall(id)).toBe('UNKNOWN');
    clocks.steadyMs += 1_000;
    expect(memory.recall(id)).toBe('ASK');
    memory.isUnknown(id);
    memory.add(sale(id));
    expect(memory.recall(id)).toBe('ASK');
  });

  it('remembers a bounded number of unknown sales', () => {
    for (let count = 0; count < 10_001; count += 1) memory.isUnknown(`unknown-${count}`);
    expect([memory.recall('unknown-0'), memory.recall('unknown-10000')]).toEqual([
      'ASK',
      'UNKNOWN',
    ]);
  });

  it('lists sales newest first', () => {
    expect(memory.saleIds()).toEqual([OTHER, ID]);
  });
});
