import { describe, expect, test } from '@jest/globals';
import { scenarios } from '../../../loadtest/scenarios/index.ts';
import type { Flow } from '../../../loadtest/scenario.ts';
import { FakeVisitor } from './fake-visitor.ts';

function flowOf(name: string, ground: object): Flow {
  const scenario = scenarios[name]!;
  return scenario.flow({
    ground,
    flags: scenario.defaults,
    customerTokenSecret: 'at-least-16-characters',
    beforehand: (make) => make,
  });
}

/** Answers every request in good faith. */
function goodShop(number: number): FakeVisitor {
  return new FakeVisitor(number, ({ endpoint }) => ({
    status: endpoint.answers[0]!,
    body: { orderNo: `O${number}`, paymentNo: `P${number}`, refundNo: `R${number}` },
  }));
}

const namesOf = ({ sent }: FakeVisitor): string[] => sent.map(({ endpoint }) => endpoint.name);

describe('what visitors do', () => {
  test('browse-and-buy: look around, place, pay, look again; every key is used once', async () => {
    const visitor = goodShop(1);
    await flowOf('browse-and-buy', { run: 'r' })(visitor);
    expect(namesOf(visitor)).toEqual(['browse', 'look', 'place', 'pay', 'find']);
    expect(visitor.kept).toEqual([['orders', 'O1']]);
    const keys = visitor.sent.flatMap(({ request }) => request.idempotencyKey ?? []);
    expect(new Set(keys).size).toBe(2);
  });

  test('pay-storm: place and pay at once; the payment is what was promised', async () => {
    const visitor = goodShop(2);
    await flowOf('pay-storm', { run: 'r' })(visitor);
    expect(namesOf(visitor)).toEqual(['place', 'pay']);
    expect(visitor.sent[1]!.request.body).toEqual({ orderNo: 'O2' });
    expect(visitor.kept).toEqual([['payments', 'P2']]);
  });

  test('refund-storm: each visitor gives back an order of their own', async () => {
    const flow = flowOf('refund-storm', { run: 'r', orderNos: ['A', 'B'] });
    const visitors = [goodShop(0), goodShop(1)];
    await Promise.all(visitors.map((visitor) => flow(visitor)));
    expect(visitors.map(({ sent }) => sent[0]!.request.path)).toEqual([
      '/orders/A/refunds',
      '/orders/B/refunds',
    ]);
    expect(visitors.map(({ kept }) => kept)).toEqual([[['refunds', 'R0']], [['refunds', 'R1']]]);
  });

  test('soak: most only place', async () => {
    const visitor = goodShop(3);
    await flowOf('soak', { run: 'r' })(visitor);
    expect(namesOf(visitor)).toEqual(['place']);
  });
});
