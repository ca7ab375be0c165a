import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Ticket } from '../../../../services/flashsale/application/find-ticket.ts';
import type { TicketOutcome } from '../../../../services/flashsale/domain/ticket.ts';
import { TicketStreams } from '../../../../services/flashsale/gate/ticket-streams.ts';
import { recordingLog } from '../../recording-log.ts';

const queued: Ticket = {
  ticketNo: '20261130-7K3M9Q2T4VXA',
  saleId: '20261130-9Q2T4VXA7K3M',
  userId: 'ann',
  status: 'QUEUED',
};

class FakeStream {
  written: string[] = [];
  writableEnded = false;
  req = { socket: { destroyed: false } };
  /** Of one whose last bytes wait for others to go first. */
  isSlow = false;
  #onClose: () => void = () => undefined;

  writeHead(): this {
    return this;
  }

  write(text: string): boolean {
    if (this.writableEnded) throw new Error('written to after its end');
    this.written.push(text);
    return true;
  }

  end(text?: string): this {
    if (text !== undefined) this.written.push(text);
    this.writableEnded = true;
    if (!this.isSlow) this.#onClose();
    return this;
  }

  on(_event: string, listener: () => void): this {
    this.#onClose = listener;
    return this;
  }
}

let found: Ticket;
let tell: ((outcome: TicketOutcome) => void) | undefined;
let heard: () => void;
let streams: TicketStreams;
let stream: FakeStream;

beforeEach(() => {
  jest.useFakeTimers();
  found = queued;
  tell = undefined;
  stream = new FakeStream();
  streams = new TicketStreams({
    tickets: { execute: () => Promise.resolve(found) },
    news: {
      watch: (_saleId, _ticketNo, watcher) => {
        tell = watcher;
        const isHeard = new Promise<void>((resolve) => (heard = resolve));
        return { isHeard, stop: () => (tell = undefined) };
      },
    },
    log: recordingLog().log,
  });
});
afterEach(() => {
  jest.useRealTimers();
});

const open = (ticket: Ticket): void => streams.open(ticket, stream as never);
const ordered = { ticketNo: queued.ticketNo, userId: 'ann', status: 'ORDERED' } as const;
const OUTCOME =
  `id: outcome\nevent: outcome\ndata: {"ticketNo":"${queued.ticketNo}","saleId":"${queued.saleId}",` +
  `"status":"ORDERED","orderNo":"${queued.ticketNo}"}\n\n`;

describe('a ticket’s stream of events', () => {
  it('says that it is queued, then what has become of it, and ends', () => {
    open(queued);
    expect(stream.written).toEqual([
      `event: status\ndata: {"ticketNo":"${queued.ticketNo}","saleId":"${queued.saleId}","status":"QUEUED"}\n\n`,
    ]);
    tell!(ordered);
    expect(stream.written[1]).toBe(OUTCOME);
    expect([stream.writableEnded, tell]).toEqual([true, undefined]);
  });

  it('is one event when the outcome is known already', () => {
    open({ ...queued, status: 'ORDERED' });
    expect(stream.written).toEqual([OUTCOME]);
    expect(stream.writableEnded).toBe(true);
  });

  it('does not miss an outcome that was told before it listened', async () => {
    open(queued);
    found = { ...queued, status: 'ORDERED' };
    heard();
    await jest.advanceTimersByTimeAsync(0);
    expect(stream.written[1]).toBe(OUTCOME);
  });

  it('shows that it is alive, and finds an outcome of which no news came', async () => {
    open(queued);
    await jest.advanceTimersByTimeAsync(15_000);
    expect(stream.written[1]).toBe(': still in the queue\n\n');
    found = { ...queued, status: 'ORDERED' };
    await jest.advanceTimersByTimeAsync(15_000);
    expect(stream.written.at(-1)).toBe(OUTCOME);
    const { length } = stream.written;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(stream.written).toHaveLength(length);
  });

  it('says the outcome once, however it comes to know it', () => {
    open(queued);
    const twice = tell!;
    twice(ordered);
    twice(ordered);
    expect(stream.written).toHaveLength(2);
  });

  it('is left alone once it has ended, however long its last bytes take', async () => {
    stream.isSlow = true;
    open(queued);
    tell!(ordered);
    expect(stream.written.at(-1)).toBe(OUTCOME);
    expect([tell, jest.getTimerCount()]).toEqual([undefined, 0]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(stream.written).toHaveLength(2);
  });

  it('ends with its connection, though nobody says so', async () => {
    open(queued);
    stream.req.socket.destroyed = true;
    await jest.advanceTimersByTimeAsync(15_000);
    expect([stream.written.length, tell, jest.getTimerCount()]).toEqual([1, undefined, 0]);
  });

  it('is not begun for a customer who has gone', () => {
    stream.req.socket.destroyed = true;
    open(queued);
    open({ ...queued, status: 'ORDERED' });
    expect([stream.written, tell, jest.getTimerCount()]).toEqual([[], undefined, 0]);
  });

  it('ends with the service', () => {
    open(queued);
    streams.beforeApplicationShutdown();
    expect([stream.writableEnded, tell]).toEqual([true, undefined]);
  });
});
