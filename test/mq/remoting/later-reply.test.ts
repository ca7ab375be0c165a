import { beforeEach, describe, expect, it } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { encodeFrame, requestCommand } from '../../../mq/protocol/frame.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { defaultBackPressure } from '../../../mq/remoting/back-pressure.ts';
import { awaitable, LaterReply, type Reply } from '../../../mq/remoting/processor.ts';
import { SocketConnection } from '../../../mq/remoting/socket-connection.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultySocket } from '../../support/faulty-socket.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const CODE = 310;
const MAX_OPEN = 4;
const refusal = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full', { retriable: true });

describe('a LaterReply', () => {
  const reply: Reply = { code: 0 };

  it('tells its listener the outcome once, at once, also when it was known before', () => {
    const outcomes: unknown[] = [];
    const listen = (later: LaterReply): void =>
      later.listen(
        (given) => outcomes.push(given),
        (error) => outcomes.push(error),
      );
    const [settled, failed, waiting, lost] = Array.from({ length: 4 }, () => new LaterReply());
    settled!.settle(reply);
    failed!.fail(refusal);
    for (const later of [settled!, failed!, waiting!, lost!]) listen(later);
    expect(outcomes).toEqual([reply, refusal]);
    waiting!.settle(reply);
    lost!.fail(undefined);
    expect(outcomes).toEqual([reply, refusal, reply, undefined]);
  });

  it('can be awaited', async () => {
    const [settled, failed] = [new LaterReply(), new LaterReply()];
    const outcomes = Promise.allSettled([awaitable(settled), awaitable(failed)]);
    settled.settle(reply);
    failed.fail(refusal);
    expect(await outcomes).toMatchObject([{ value: reply }, { reason: refusal }]);
    expect(awaitable(reply)).toBe(reply);
  });
});

describe('requests that are answered later', () => {
  let socket: FaultySocket;
  let connection: SocketConnection;
  let laters: LaterReply[];
  let isSettledAtOnce: boolean;

  beforeEach(() => {
    laters = [];
    isSettledAtOnce = false;
    socket = new FaultySocket();
    connection = new SocketConnection(socket, {
      id: 1,
      remote: { address: '10.0.0.2', port: 40_000 },
      local: { address: '10.0.0.1', port: 10_911 },
      processors: new Map([[CODE, serve]]),
      clock: new FakeClock(),
      logger: new RecordingLogger(),
      backPressure: { ...defaultBackPressure, maxOpenRequests: MAX_OPEN },
    });
  });

  function serve(): LaterReply {
    const later = new LaterReply();
    laters.push(later);
    if (isSettledAtOnce) later.settle({ code: 0 });
    return later;
  }

  async function receive(...opaques: number[]): Promise<void> {
    const request = requestCommand({ code: CODE, body: Buffer.from('body') });
    for (const opaque of opaques) socket.receive(encodeFrame({ ...request, opaque }));
    await settle();
  }

  function sent(): [opaque: number, code: number][] {
    const commands = new FrameDecoder().push(socket.written);
    return commands.map(({ opaque, code }) => [opaque, code]);
  }

  it('are open until then, and answered in the order in which the outcomes are known', async () => {
    await receive(0, 1, 2);
    expect(connection.openRequests).toBe(3);
    laters[2]!.settle({ code: 0 });
    laters[0]!.fail(refusal);
    expect(connection.openRequests).toBe(1);
    laters[1]!.fail(new Error('a defect'));
    await settle();
    expect(connection.openRequests).toBe(0);
    expect(sent()).toEqual([
      [2, 0],
      [0, ResponseCode.SERVICE_NOT_AVAILABLE],
      [1, ResponseCode.SYSTEM_ERROR],
    ]);
  });

  it('are answered, and not counted as open, when the outcome is known at once', async () => {
    isSettledAtOnce = true;
    await receive(0, 1);
    expect(connection.openRequests).toBe(0);
    expect(sent()).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it('are not read any more when too many are open, until half of them are answered', async () => {
    await receive(...Array.from({ length: MAX_OPEN + 1 }, (_, index) => index));
    expect(socket.isPaused()).toBe(true);
    await receive(99);
    expect(laters).toHaveLength(MAX_OPEN + 1);
    for (const later of laters.slice(0, 2)) later.settle({ code: 0 });
    await settle();
    expect(laters).toHaveLength(MAX_OPEN + 1);
    laters[2]!.settle({ code: 0 });
    await settle();
    expect(laters).toHaveLength(MAX_OPEN + 2);
    for (const later of laters.slice(3)) later.settle({ code: 0 });
    expect(connection.openRequests).toBe(0);
  });

  it('are waited for by a connection that closes, and dropped by one that is gone', async () => {
    await receive(0, 1);
    const closing = connection.close();
    await settle();
    laters[0]!.settle({ code: 0 });
    await settle();
    expect(socket.writableEnded).toBe(false);
    laters[1]!.fail(refusal);
    await settle();
    expect(socket.writableEnded).toBe(true);
    expect(sent()).toHaveLength(2);
    socket.destroy();
    await closing;
  });

  it('are forgotten with a connection that breaks', async () => {
    await receive(0, 1);
    socket.break();
    await settle();
    laters[0]!.settle({ code: 0 });
    laters[1]!.fail(refusal);
    await settle();
    expect(connection.openRequests).toBe(0);
    expect(socket.writes).toEqual([]);
  });
});
