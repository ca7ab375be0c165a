import { describe, expect, it } from '@jest/globals';
import type { PeerName } from '../../../../services/storefront/config.ts';
import {
  CONSUMED,
  Figures,
  FLASH_TICKETS,
  HTTP_SECONDS,
} from '../../../../services/storefront/figures/figures.ts';
import { quantileMs } from '../../../../services/storefront/figures/latencies.ts';
import type { Sample } from '../../../../services/storefront/figures/metrics-text.ts';

/** Checkouts by what they took, cumulative as Prometheus has them. */
function checkouts(quick: number, slow: number): Sample[] {
  const labels = { method: 'POST', route: '/orders', status: '201' };
  const all = quick + slow;
  return [
    { name: `${HTTP_SECONDS}_bucket`, labels: { ...labels, le: '0.1' }, value: quick },
    { name: `${HTTP_SECONDS}_bucket`, labels: { ...labels, le: '0.5' }, value: all },
    { name: `${HTTP_SECONDS}_bucket`, labels: { ...labels, le: '+Inf' }, value: all },
    { name: `${HTTP_SECONDS}_count`, labels, value: all },
    { name: `${HTTP_SECONDS}_count`, labels: { ...labels, status: '409' }, value: 1_000 },
    { name: `${HTTP_SECONDS}_count`, labels: { ...labels, route: '/refunds' }, value: 1_000 },
  ];
}

function consumed(outcome: string, value: number): Sample {
  return { name: CONSUMED, labels: { group: 'g', outcome }, value };
}

function reading(atMs: number, samples: Partial<Record<PeerName, Sample[]>>) {
  return { atMs, samples: new Map(Object.entries(samples) as [PeerName, Sample[]][]) };
}

describe('figures', () => {
  it('are what has come since the reading before, a second; orders of flash sales are orders too', () => {
    const figures = new Figures();
    const tickets = (value: number): Sample => ({
      name: FLASH_TICKETS,
      labels: { outcome: 'ORDERED' },
      value,
    });
    const first = figures.add(
      reading(1_000, { order: checkouts(10, 0), flashsale: [tickets(5)], push: [] }),
    );
    expect(first).toMatchObject({ ordersPerS: 0, eventsPerS: 0, checkoutP50Ms: null });
    const second = figures.add(
      reading(3_000, {
        order: [...checkouts(14, 0), consumed('handled', 7)],
        flashsale: [tickets(11)],
        push: [consumed('handled', 2), consumed('duplicate', 1), consumed('retried', 50)],
      }),
    );
    expect(second.ordersPerS).toBe(5);
    expect(second.eventsPerS).toBe(5);
  });

  it('have the latencies of the checkouts of the last readings alone', () => {
    const figures = new Figures();
    figures.add(reading(0, { order: checkouts(0, 1_000) }));
    expect(figures.add(reading(1_000, { order: checkouts(10, 1_000) }))).toMatchObject({
      checkoutP50Ms: 50,
      checkoutP99Ms: 99,
    });
    for (let second = 2; second < 12; second++) {
      figures.add(reading(second * 1_000, { order: checkouts(10, 1_000) }));
    }
    expect(figures.add(reading(12_000, { order: checkouts(10, 1_000) })).checkoutP50Ms).toBeNull();
  });

  it('count all of a process that has started again, and nothing while one is away', () => {
    const figures = new Figures();
    figures.add(reading(0, { order: checkouts(100, 100), push: [consumed('handled', 40)] }));
    expect(figures.add(reading(1_000, { order: checkouts(3, 0) }))).toMatchObject({
      ordersPerS: 3,
      eventsPerS: 0,
      checkoutP50Ms: 50,
    });
    const back = figures.add(
      reading(2_000, { order: checkouts(3, 0), push: [consumed('handled', 60)] }),
    );
    expect(back.eventsPerS).toBe(0);
    const next = figures.add(
      reading(3_000, { order: checkouts(3, 0), push: [consumed('handled', 64)] }),
    );
    expect(next.eventsPerS).toBe(4);
  });

  it('do not make a rate of a pause', () => {
    const figures = new Figures();
    figures.add(reading(0, { order: checkouts(0, 0) }));
    figures.forget();
    expect(figures.add(reading(60_000, { order: checkouts(600, 0) })).ordersPerS).toBe(0);
  });
});

describe('a quantile', () => {
  it('lies on a line between two bounds, is the last bound beyond it, and is null of nothing', () => {
    const buckets = new Map([
      [0.1, 50],
      [0.2, 90],
      [Infinity, 100],
    ]);
    expect(quantileMs(buckets, 0.25)).toBeCloseTo(50);
    expect(quantileMs(buckets, 0.7)).toBeCloseTo(150);
    expect(quantileMs(buckets, 0.99)).toBeCloseTo(200);
    expect(quantileMs(new Map([[Infinity, 0]]), 0.5)).toBeNull();
    expect(quantileMs(new Map(), 0.5)).toBeNull();
  });
});
