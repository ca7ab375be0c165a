import { describe, expect, it } from '@jest/globals';
import { responseTo, requestCommand } from '../../../mq/protocol/frame.ts';
import { InFlight } from '../../../mq/remoting/in-flight.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ask = requestCommand({ code: 11 });
const allSent = { addedBytes: 0, unsentBytes: 0 };

describe('the table of requests in flight', () => {
  it('gives a waiting opaque to nobody else, also after the int32 has wrapped around', () => {
    const first = 1;
    // As if 2^32 - 1 requests had come and gone.
    const wrapped = new InFlight(new FakeClock(), allSent, () => undefined, first - 1);
    void wrapped.wait(first, 'the first', { timeoutMs: 1000 });
    expect(wrapped.nextOpaque()).toBe(first + 1);
    const last = new InFlight(new FakeClock(), allSent, () => undefined, 2 ** 31 - 1);
    expect(last.nextOpaque()).toBe(-(2 ** 31));
  });

  it('settles each request once', async () => {
    const inFlight = new InFlight(new FakeClock(), allSent, () => undefined);
    const opaque = inFlight.nextOpaque();
    const call = inFlight.wait(opaque, 'it', { timeoutMs: 1000 });
    const reply = responseTo({ ...ask, opaque }, { code: 0 });
    expect(inFlight.settle(reply)).toBe(true);
    expect(inFlight.settle(reply)).toBe(false);
    expect(await call).toBe(reply);
    expect(inFlight.size).toBe(0);
  });

  it('stops listening to the signal of a request that was answered', async () => {
    const inFlight = new InFlight(new FakeClock(), allSent, () => undefined);
    const controller = new AbortController();
    const opaque = inFlight.nextOpaque();
    const call = inFlight.wait(opaque, 'it', { timeoutMs: 1000, signal: controller.signal });
    inFlight.settle(responseTo({ ...ask, opaque }, { code: 0 }));
    await call;
    const again = inFlight.wait(opaque, 'another', { timeoutMs: 1000 });
    controller.abort();
    inFlight.settle(responseTo({ ...ask, opaque }, { code: 7 }));
    expect((await again).code).toBe(7);
  });

  it('reports a sweep that found timeouts once, however many it found', async () => {
    const clock = new FakeClock();
    let sweepCount = 0;
    const inFlight = new InFlight(clock, allSent, () => sweepCount++);
    const calls = [1, 2, 3].map((opaque) =>
      failure(inFlight.wait(opaque, `request ${opaque}`, { timeoutMs: 100 })),
    );
    clock.advance(100);
    expect((await Promise.all(calls)).map(({ message }) => message)).toEqual([
      'no reply to request 1 within 100 ms',
      'no reply to request 2 within 100 ms',
      'no reply to request 3 within 100 ms',
    ]);
    expect(sweepCount).toBe(1);
  });

  it('says of a request that ran out of time whether the kernel had taken it', async () => {
    const clock = new FakeClock();
    const sent = { addedBytes: 100, unsentBytes: 100 };
    const inFlight = new InFlight(clock, sent, () => undefined);
    const first = failure(inFlight.wait(1, 'the first', { timeoutMs: 1000 }));
    sent.addedBytes = 250;
    const second = failure(inFlight.wait(2, 'the second', { timeoutMs: 1000 }));
    // The first has left whole, of the second 40 bytes have not.
    sent.unsentBytes = 40;
    clock.advance(2000);
    await expect(first).resolves.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      details: { stage: 'waiting for the answer', timeoutMs: 1000 },
    });
    await expect(second).resolves.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: expect.stringContaining('40 bytes') as unknown,
      details: { stage: 'socket not draining', unsentBytes: 40 },
    });
  });
});
