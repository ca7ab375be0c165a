import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { encodeFrame, requestCommand, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { defaultBackPressure } from '../../../mq/remoting/back-pressure.ts';
import type { Processor, Reply } from '../../../mq/remoting/processor.ts';
import {
  SocketConnection,
  type SocketConnectionOptions,
} from '../../../mq/remoting/socket-connection.ts';
import { within } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultySocket } from '../../support/faulty-socket.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { plays } from '../../support/plays.ts';

function connect(options: Partial<SocketConnectionOptions> = {}) {
  const socket = new FaultySocket();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const connection = new SocketConnection(socket, {
    id: 1,
    remote: { address: '10.0.0.2', port: 40_000 },
    local: { address: '10.0.0.1', port: 10_911 },
    processors: new Map<number, Processor>([
      [1, () => ({ code: 0 })],
      [2, async () => ({ code: 0 })],
    ]),
    clock,
    logger,
    ...options,
  });
  const sent = (): RemotingCommand[] => new FrameDecoder().push(socket.written);
  return { socket, clock, logger, connection, sent };
}

function frames(...codes: number[]): Buffer {
  return Buffer.concat(
    codes.map((code, index) => encodeFrame({ ...requestCommand({ code }), opaque: index })),
  );
}

describe('what leaves', () => {
  it('leaves in one write for all replies of a tick, sync or async', async () => {
    const { socket, sent } = connect();
    socket.receive(frames(1, 1, 1, 1));
    await settle();
    expect(sent().map(({ opaque }) => opaque)).toEqual([0, 1, 2, 3]);
    expect(socket.writes).toHaveLength(1);
    socket.receive(frames(2, 2, 2, 2));
    await settle();
    expect(sent()).toHaveLength(8);
    expect(socket.writes).toHaveLength(2);
  });

  it('leaves in order when small and large frames mix', async () => {
    const { connection, sent, socket } = connect();
    const sizes = [10, 20, 40_000, 30, 50_000, 60_000, 5, 5];
    const bodies = sizes.map((bytes, index) => Buffer.alloc(bytes, index));
    for (const body of bodies) void connection.oneway(requestCommand({ code: 9, body }));
    await settle();
    expect(sent().map(({ body }) => body)).toEqual(bodies);
    expect(socket.writes).toHaveLength(1);
  });
});

describe('a oneway', () => {
  it('waits for a peer that does not keep up', async () => {
    const backPressure = { ...defaultBackPressure, maxUnreadBytes: 1000 };
    const { socket, connection } = connect({ backPressure });
    socket.isStalled = true;
    let isSent = false;
    const body = Buffer.alloc(2000);
    const sending = connection
      .oneway(requestCommand({ code: 9, body }))
      .then(() => (isSent = true));
    await settle();
    expect(isSent).toBe(false);
    socket.unstall();
    await within(sending, 'the oneway');
  });

  it('fails when the connection breaks while it waits', async () => {
    const backPressure = { ...defaultBackPressure, maxUnreadBytes: 1000 };
    const { socket, connection } = connect({ backPressure });
    socket.isStalled = true;
    const outcome = failure(
      connection.oneway(requestCommand({ code: 9, body: Buffer.alloc(2000) })),
    );
    socket.break();
    expect((await outcome).code).toBe('CONNECTION_CLOSED');
  });
});

describe('a peer that reads nothing', () => {
  it('is dropped with one log line when the replies to what it asked before pile up', async () => {
    const waiting: (() => void)[] = [];
    const held = (): Promise<Reply> =>
      new Promise((resolve) => {
        waiting.push(() => resolve({ code: 0, body: Buffer.alloc(1000) }));
      });
    const { socket, connection, logger } = connect({
      backPressure: { ...defaultBackPressure, maxUnreadBytes: 1000, maxUnsentBytes: 10_000 },
      processors: new Map([[11, held]]),
    });
    socket.isStalled = true;
    socket.receive(frames(...Array<number>(1000).fill(11)));
    await settle();
    expect(waiting).toHaveLength(1000);
    for (const answer of waiting) answer();
    await settle();
    expect(connection.isOpen).toBe(false);
    expect(logger.entries.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        message: 'closed 10.0.0.2:40000: it does not read what is sent to it',
        fields: { limitBytes: 10_000 },
      },
    ]);
  });
});

describe('a peer that reads more slowly than is sent to it', () => {
  it('is dropped when requests that were given up pile up, though it says something now and then', async () => {
    const { socket, connection, clock, logger } = connect({
      backPressure: { ...defaultBackPressure, maxUnsentBytes: 10_000 },
    });
    socket.isStalled = true;
    const codes: string[] = [];
    const send = (): void => {
      const request = requestCommand({ code: 11, body: Buffer.alloc(1_000) });
      void failure(connection.request(request, { timeoutMs: 3_000 })).then(({ code }) =>
        codes.push(code),
      );
    };
    for (let count = 0; count < 8; count++) send();
    await clock.advanceAndSettle(3_000);
    expect([codes.length, connection.isOpen]).toEqual([8, true]);
    socket.receive(frames(11));
    for (let count = 0; count < 4; count++) send();
    await settle();
    expect(connection.isOpen).toBe(true);
    await clock.advanceAndSettle(3_000);
    expect(connection.isOpen).toBe(false);
    expect(codes).toEqual(Array.from({ length: 12 }, () => 'REQUEST_TIMEOUT'));
    expect(logger.messages('warn').at(-1)).toMatch(/does not read what is sent to it/);
  });
});

describe('a connection that breaks', () => {
  it('fails its requests with the reason, tells its listeners once, and leaves no timer', async () => {
    const { socket, connection, clock } = connect();
    const reasons: (string | undefined)[] = [];
    connection.onClose((reason) => reasons.push(reason?.message));
    const outcome = failure(connection.request(requestCommand({ code: 11 }), { timeoutMs: 3000 }));
    socket.break();
    expect(await outcome).toMatchObject({
      code: 'CONNECTION_CLOSED',
      retriable: true,
      message: expect.stringContaining('read ECONNRESET'),
    });
    await settle();
    expect(reasons).toEqual(['connection to 10.0.0.2:40000: the socket failed: read ECONNRESET']);
    expect(clock.pendingTimers).toBe(0);
    connection.onClose((reason) => reasons.push(`late: ${reason?.code}`));
    expect(reasons.at(-1)).toBe('late: CONNECTION_CLOSED');
    await expect(connection.oneway(requestCommand({ code: 9 }))).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
    });
  });

  it('drops the replies that were on their way', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const processors = new Map([
      [
        3,
        async () => {
          await held;
          return { code: 0 };
        },
      ],
    ]);
    const { socket, connection, logger } = connect({ processors });
    socket.receive(frames(3));
    await settle();
    expect(connection.openRequests).toBe(1);
    socket.break();
    await settle();
    release();
    await settle();
    expect(connection.openRequests).toBe(0);
    expect(socket.writes).toEqual([]);
    expect(logger.messages('error')).toEqual([]);
  });
});

describe('requests in flight', () => {
  it('share one timer, however many there are', async () => {
    const { connection, clock } = connect();
    const calls = Array.from({ length: 100 }, (_, index) =>
      connection.request(requestCommand({ code: 11 }), { timeoutMs: 1000 + index }),
    );
    const outcomes = Promise.allSettled(calls);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(2000);
    const codes = (await outcomes).map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'answered',
    );
    expect(new Set(codes)).toEqual(new Set(['REQUEST_TIMEOUT']));
    expect(clock.pendingTimers).toBe(0);
  });

  it('with an earlier deadline are not held up by those with a later one', async () => {
    const { connection, clock } = connect();
    const late = failure(connection.request(requestCommand({ code: 11 }), { timeoutMs: 30_000 }));
    const early = failure(connection.request(requestCommand({ code: 34 }), { timeoutMs: 100 }));
    clock.advance(100);
    expect((await early).message).toMatch(/HEART_BEAT\(34\) .* within 100 ms/);
    clock.advance(29_900);
    expect((await late).message).toMatch(/PULL_MESSAGE\(11\) .* within 30000 ms/);
  });
});

describe('any bytes in any pieces', () => {
  it('are answered as far as they are requests, and end the connection where they are not', async () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 });
    const garbage = fc.uint8Array({ minLength: 8, maxLength: 64 }).map((bytes) => {
      // A first byte of 2 and more is a length beyond the frame limit.
      bytes[0] = 2 + (bytes[0]! % 254);
      return Buffer.from(bytes);
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 6 }),
        garbage,
        pieces,
        async (count, end, cuts) => {
          const { socket, sent, logger, connection } = connect();
          const bytes = Buffer.concat([frames(...Array.from({ length: count }, () => 2)), end]);
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = cuts[turn % cuts.length]!;
            socket.receive(bytes.subarray(at, at + size));
            at += size;
          }
          await settle();
          expect(sent().map(({ opaque }) => opaque)).toEqual(
            Array.from({ length: count }, (_, index) => index),
          );
          expect(connection.isOpen).toBe(false);
          expect(logger.messages('warn')).toHaveLength(1);
          expect(socket.writableEnded).toBe(true);
        },
      ),
      plays(60),
    );
  });
});
