import { describe, expect, test } from '@jest/globals';
import { ArrivalSchedule, constantArrivalRate } from '../../../loadtest/generator/arrivals.ts';
import type { Exchange } from '../../../loadtest/generator/connection.ts';
import { Pacer } from '../../../loadtest/generator/pacer.ts';
import { Visits } from '../../../loadtest/generator/visits.ts';
import type { Endpoint, Flow } from '../../../loadtest/scenario.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const place: Endpoint = {
  name: 'place',
  service: 'shop',
  method: 'POST',
  path: '/orders',
  answers: [201, 409],
};
const find: Endpoint = { ...place, name: 'find', method: 'GET', answers: [200] };

interface Sent {
  text: string;
  exchange: Exchange;
}

/** Visits to a shop that answers as `serve` says, by a clock that the test moves. */
function visit(flow: Flow, serve: (sent: Sent, clock: FakeClock) => void, seed = 1) {
  const clock = new FakeClock();
  const sent: Sent[] = [];
  const visits = new Visits({
    flow,
    client: {
      send: (_service, text, _isAscii, exchange) => {
        sent.push({ text, exchange });
        serve({ text, exchange }, clock);
      },
    },
    origins: { shop: { host: '127.0.0.1', port: 80 } },
    isWarmUp: false,
    seed,
    nowMs: () => clock.monotonicMs(),
  });
  const run = async (ratePerS: number, durationS: number, afterMs = 10_000): Promise<void> => {
    const schedule = new ArrivalSchedule(constantArrivalRate({ ratePerS, durationS }));
    const ended = new Pacer(schedule, { index: 0, of: 1 }, clock, (visitor, dueMs) =>
      visits.begin(visitor, dueMs),
    ).run(0);
    await clock.advanceAndSettle(durationS * 1_000 + afterMs, () => Promise.resolve());
    await ended;
    await visits.untilEmpty();
  };
  return { visits, run, sent, clock };
}

function answerAfter(delayOf: (number: number) => number): (sent: Sent, clock: FakeClock) => void {
  let number = 0;
  return ({ exchange }, clock) => {
    clock.setTimeout(() => exchange.onAnswer(201, '{}'), delayOf(number++));
  };
}

const placeOnce: Flow = async (visitor) => {
  await visitor.send(place);
};

describe('the latencies of visits', () => {
  test('are those of a server whose delays are known', async () => {
    const { visits, run } = visit(
      placeOnce,
      answerAfter((number) => ((number % 100) + 1) * 10),
    );
    await run(1_000, 10);
    const { latencies } = visits.tally.endpoints.get('place')!;
    expect(latencies.count).toBe(10_000);
    // 100 delays from 10 to 1,000 ms, equally often; up to 1 ms of waiting for the timer; three digits of the histogram.
    for (const percentile of [1, 25, 50, 75, 90, 99, 100]) {
      const expectedMs = percentile * 10;
      expect(latencies.percentileMs(percentile)).toBeGreaterThanOrEqual(expectedMs * 0.999);
      expect(latencies.percentileMs(percentile)).toBeLessThanOrEqual(expectedMs * 1.001 + 1);
    }
  });

  test('count from when a visitor was due: a second in which nothing is answered is in all who came in it', async () => {
    let stoppedUntilMs = 0;
    const { visits, run } = visit(placeOnce, ({ exchange }, clock) => {
      if (clock.monotonicMs() >= 2_000 && stoppedUntilMs === 0) stoppedUntilMs = 3_000;
      const waitMs = Math.max(1, stoppedUntilMs - clock.monotonicMs());
      clock.setTimeout(() => exchange.onAnswer(201, '{}'), waitMs);
    });
    await run(100, 5);
    const { latencies } = visits.tally.endpoints.get('place')!;
    expect(latencies.count).toBe(500);
    // 100 of 500 came in the standing second, and waited 500 ms in the middle.
    expect(latencies.percentileMs(80)).toBeLessThan(30);
    expect(latencies.percentileMs(90)).toBeGreaterThan(480);
    expect(latencies.percentileMs(90)).toBeLessThan(520);
    expect(latencies.percentileMs(100)).toBeGreaterThan(980);
  });

  test('a generator that stood still makes everybody it let wait late, and says so', async () => {
    const { visits } = visit(placeOnce, ({ exchange }) => exchange.onAnswer(201, '{}'));
    visits.begin(0, -500);
    await visits.untilEmpty();
    expect(visits.tally.lag.percentileMs(100)).toBeCloseTo(500, 0);
    expect(visits.tally.latencies().percentileMs(100)).toBeCloseTo(500, 0);
  });

  test('of a second request count from when it was sent', async () => {
    const flow: Flow = async (visitor) => {
      await visitor.send(place);
      await visitor.send(find, { path: '/orders/1' });
    };
    const { visits, clock } = visit(flow, ({ text, exchange }, clock) => {
      const isPlace = text.startsWith('POST');
      clock.setTimeout(() => exchange.onAnswer(isPlace ? 201 : 200, '{}'), isPlace ? 100 : 7);
    });
    visits.begin(0, -50);
    await clock.advanceAndSettle(200);
    await visits.untilEmpty();
    const msOf = (name: string): number =>
      visits.tally.endpoints.get(name)!.latencies.percentileMs(100);
    expect(msOf('place')).toBeCloseTo(150, 0);
    expect(msOf('find')).toBeCloseTo(7, 1);
  });
});

describe('the outcomes of visits', () => {
  const serveStatus =
    (status: number, body = '{}') =>
    ({ exchange }: Sent): void =>
      exchange.onAnswer(status, body);

  test('an answer that the endpoint has is none of the errors, whatever its status', async () => {
    const { visits } = visit(async (visitor) => {
      const { status } = await visitor.send(place);
      visitor.count(status === 409 ? 'sold out' : 'accepted');
    }, serveStatus(409));
    visits.begin(0, 0);
    await visits.untilEmpty();
    expect(Object.fromEntries(visits.tally.counts)).toEqual({ 'sold out': 1 });
    expect(visits.tally.errors.size).toBe(0);
  });

  test('any other status, and no answer at all, is an error that ends the visit', async () => {
    const flow: Flow = async (visitor) => {
      await visitor.send(place);
      visitor.count('went on');
    };
    for (const [serve, kind] of [
      [serveStatus(503), 'status_503'],
      [({ exchange }: Sent) => exchange.onFailure('timeout'), 'timeout'],
    ] as const) {
      const { visits } = visit(flow, serve);
      visits.begin(0, 0);
      await visits.untilEmpty();
      expect(Object.fromEntries(visits.tally.errors)).toEqual({ [kind]: 1 });
      expect(visits.tally.endpoints.get('place')!.errors).toBe(1);
      expect(visits.tally.counts.size).toBe(0);
      expect(visits.tally.answered).toBe(0);
      expect(visits.inFlight).toBe(0);
    }
  });

  test('a body that is no JSON, and a mistake in the flow, are told apart and shown', async () => {
    const unreadable = visit(
      async (visitor) => {
        (await visitor.send(place)).json();
      },
      serveStatus(201, '<html>'),
    );
    unreadable.visits.begin(0, 0);
    await unreadable.visits.untilEmpty();
    expect(Object.fromEntries(unreadable.visits.tally.errors)).toEqual({ body: 1 });
    expect(unreadable.visits.problem).toContain('the body of a 201 is no JSON: <html>');

    const mistaken = visit(async () => {
      throw new TypeError('of the scenario');
    }, serveStatus(201));
    mistaken.visits.begin(0, 0);
    await mistaken.visits.untilEmpty();
    expect(Object.fromEntries(mistaken.visits.tally.errors)).toEqual({ flow: 1 });
    expect(mistaken.visits.problem).toContain('of the scenario');
  });

  test('a visitor chooses the same by chance under the same seed, and not what another does', async () => {
    const chosen = async (seed: number): Promise<number[]> => {
      const numbers: number[] = [];
      const { visits } = visit(
        async (visitor) => void numbers.push(visitor.random(), visitor.random()),
        serveStatus(201),
        seed,
      );
      for (let number = 0; number < 500; number += 1) visits.begin(number, 0);
      await visits.untilEmpty();
      return numbers;
    };
    const numbers = await chosen(7);
    expect(await chosen(7)).toEqual(numbers);
    expect(await chosen(8)).not.toEqual(numbers);
    expect(new Set(numbers).size).toBe(1_000);
    const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
  });
});

describe('the bytes of a request', () => {
  test('are a head, and a body with its length in bytes', async () => {
    const { visits, sent } = visit(
      async (visitor) => {
        await visitor.send(place, {
          bearer: 'a.b.c',
          idempotencyKey: 'k-1',
          body: { name: 'Zoë' },
        });
        await visitor.send(find, { path: '/orders/7' });
        await visitor.send(place);
      },
      ({ text, exchange }) => exchange.onAnswer(text.startsWith('GET') ? 200 : 201, '{}'),
    );
    visits.begin(0, 0);
    await visits.untilEmpty();
    expect(sent.map(({ text }) => text)).toEqual([
      'POST /orders HTTP/1.1\r\nhost: 127.0.0.1:80\r\nauthorization: Bearer a.b.c\r\nidempotency-key: k-1\r\n' +
        'content-type: application/json\r\ncontent-length: 15\r\n\r\n{"name":"Zoë"}',
      'GET /orders/7 HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n',
      'POST /orders HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-length: 0\r\n\r\n',
    ]);
  });

  test.each([
    [{ path: '/orders/7 HTTP/1.1\r\nx: y' }, 'path is'],
    [{ path: 'orders' }, 'path is orders, it must begin with /'],
    [{ bearer: 'a\r\nb: c' }, 'bearer is "a\\r\\nb: c", it must be printable ASCII without spaces'],
  ])('hold nothing that would make another request of them: %j', async (request, message) => {
    const { visits, sent } = visit(
      async (visitor) => {
        await visitor.send(place, request);
      },
      () => undefined,
    );
    visits.begin(0, 0);
    await visits.untilEmpty();
    expect(visits.problem).toContain(message);
    expect(sent).toEqual([]);
  });
});
