import { afterEach, describe, expect, it } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import {
  asOneway,
  encodeFrame,
  requestCommand,
  SerializeType,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { defaultBackPressure } from '../../../mq/remoting/back-pressure.ts';
import type { Connection } from '../../../mq/remoting/connection.ts';
import type { Processor } from '../../../mq/remoting/processor.ts';
import {
  RemotingServer,
  type RemotingServerOptions,
} from '../../../mq/remoting/remoting-server.ts';
import { until, within } from '../../support/deadline.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { RawPeer } from '../../support/scripted-peer.ts';

const ECHO = 1001;
const HANG = 1002;
const FAIL = 1003;
const REFUSE = 1004;
const BIG = 1005;
const SILENT = 1006;

function request(code: number, opaque: number, more: Partial<RemotingCommand> = {}) {
  return { ...requestCommand({ code }), opaque, ...more };
}

/** A server with a processor for each way a request can go; everything is closed after each test. */
async function startServer(options: Partial<RemotingServerOptions> = {}) {
  const logger = new RecordingLogger();
  const clock = new FakeClock();
  const served: RemotingCommand[] = [];
  const release: (() => void)[] = [];
  const count = (processor: Processor): Processor => {
    return (command, connection) => {
      served.push(command);
      return processor(command, connection);
    };
  };
  const server = new RemotingServer({
    host: '127.0.0.1',
    port: 0,
    logger,
    clock,
    processors: new Map([
      [ECHO, count((command) => ({ code: 0, extFields: command.extFields, body: command.body }))],
      [
        HANG,
        count(async () => {
          await new Promise<void>((resolve) => release.push(resolve));
          return { code: 0, remark: 'released' };
        }),
      ],
      [
        FAIL,
        count(() => {
          throw new TypeError('a defect with a secret in it');
        }),
      ],
      [
        REFUSE,
        count(async () => {
          await settle(1);
          throw new MqError('NO_PERMISSION', 'topic T is read-only');
        }),
      ],
      [BIG, count(() => ({ code: 0, body: Buffer.alloc(1024 * 1024) }))],
      [SILENT, count(() => undefined)],
    ]),
    ...options,
  });
  const { port } = await server.start();
  cleanUps.push(() => server.close());
  const dial = async (): Promise<RawPeer> => {
    const peer = await RawPeer.dial(port);
    cleanUps.push(() => peer.destroy());
    return peer;
  };
  return { server, logger, clock, served, release, port, dial };
}

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  // Peers go first: a server waits for theirs before it takes a connection for gone.
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function onlyConnection(server: RemotingServer): Connection | undefined {
  return [...server.connections()][0];
}

describe('a request', () => {
  it.each([
    ['JSON', SerializeType.JSON],
    ['binary', SerializeType.ROCKETMQ],
  ])('is answered in the header encoding it came in: %s', async (_name, serializeType) => {
    const { dial } = await startServer();
    const peer = await dial();
    const body = Buffer.from('körper');
    peer.send(request(ECHO, -7, { serializeType, extFields: { a: '1' }, body }));
    const reply = await peer.command(0);
    expect(reply).toMatchObject({ code: 0, opaque: -7, flag: 1, serializeType });
    expect(reply.extFields).toEqual({ a: '1' });
    expect(reply.body).toEqual(body);
  });

  it('is understood byte by byte, and glued to others', async () => {
    const { dial, served } = await startServer();
    const peer = await dial();
    for (const byte of encodeFrame(request(ECHO, 1))) {
      peer.send(Buffer.of(byte));
      await settle(1);
    }
    await peer.command(0);
    peer.send(request(ECHO, 2), request(ECHO, 3), request(ECHO, 4));
    await peer.command(3);
    expect(served.map(({ opaque }) => opaque)).toEqual([1, 2, 3, 4]);
    expect(peer.received.map(({ opaque }) => opaque)).toEqual([1, 2, 3, 4]);
  });

  it('with a code nobody serves is answered REQUEST_CODE_NOT_SUPPORTED', async () => {
    const { dial } = await startServer();
    const peer = await dial();
    peer.send(request(3442, 1));
    expect(await peer.command(0)).toMatchObject({
      code: 3,
      remark: 'request type 3442 not supported',
    });
  });

  it('whose processor refuses is answered with the code and the reason of the refusal', async () => {
    const { dial } = await startServer();
    const peer = await dial();
    peer.send(request(REFUSE, 1));
    expect(await peer.command(0)).toMatchObject({ code: 16, remark: 'topic T is read-only' });
  });

  it('whose processor breaks is answered SYSTEM_ERROR; the defect goes to the log, not to the peer', async () => {
    const { dial, logger } = await startServer();
    const peer = await dial();
    peer.send(request(FAIL, 1), request(ECHO, 2));
    const reply = await peer.command(0);
    expect(reply.code).toBe(1);
    expect(reply.remark).not.toContain('secret');
    expect(logger.messages('error')).toEqual(['a request processor failed']);
    expect((await peer.command(1)).opaque).toBe(2);
  });

  it('that nobody answers although it was not oneway is answered all the same', async () => {
    const { dial } = await startServer();
    const peer = await dial();
    peer.send(request(SILENT, 1));
    expect(await peer.command(0)).toMatchObject({ code: 1, opaque: 1 });
  });

  it('that was sent oneway gets no reply: not a result, not an error, not an unknown code', async () => {
    const { dial, served } = await startServer();
    const peer = await dial();
    const oneways = [ECHO, FAIL, REFUSE, SILENT, 9999].map((code) => asOneway(request(code, code)));
    peer.send(...oneways, request(ECHO, 1));
    await until(() => served.length === 5);
    await settle();
    peer.send(request(ECHO, 2));
    await peer.command(1);
    expect(peer.received.map(({ opaque }) => opaque)).toEqual([1, 2]);
  });

  it('whose reply would exceed the frame limit is answered with both sizes', async () => {
    const limits = { maxFrameBytes: 65_536, maxHeaderBytes: 65_536 };
    const { dial } = await startServer({ limits });
    const peer = await dial();
    peer.send(request(BIG, 1));
    const reply = await peer.command(0);
    expect(reply.code).toBe(1);
    expect(reply.remark).toMatch(/frame of 10\d{5} bytes, the limit is 65536/);
  });

  it('tells the connection the version and language of its peer', async () => {
    const { dial, server } = await startServer();
    const peer = await dial();
    peer.send(request(ECHO, 1, { version: 317, language: 'GO' }));
    await peer.command(0);
    expect(onlyConnection(server)).toMatchObject({ peerVersion: 317, language: 'GO' });
  });
});

describe('a peer that does not speak remoting is closed with one log line that says what it tried', () => {
  it.each([
    ['a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /tried TLS/],
    ['one byte of TLS', '\x16', /tried TLS/],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /tried HTTP\/2/],
    ['HTTP/1', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /tried HTTP\/1 \(GET\)/],
    ['a PROXY preamble', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n', /tried the HAProxy PROXY preamble/],
    [
      'garbage',
      '\x7f\x7f\x7f\x7f\x00\x00\x00\x00',
      /frame length 2139062143 is outside 4\.\.16777216/,
    ],
    ['a negative length', '\xff\xff\xff\xff\x00\x00\x00\x00', /frame length -1 is outside/],
    [
      'a header over 64 KiB',
      '\x00\x10\x00\x00\x00\x01\x00\x01',
      /header of 65537 bytes exceeds 65536/,
    ],
    [
      'a header longer than its frame',
      '\x00\x00\x00\x10\x00\x00\x00\x20',
      /header of 32 bytes is longer than its frame's 12/,
    ],
    ['an unknown encoding', '\x00\x00\x00\x10\x09\x00\x00\x02', /serialize type 9/],
    ['a header that is not JSON', '\x00\x00\x00\x07\x00\x00\x00\x03{{{', /JSON header of 3 bytes/],
  ])('%s', async (_name, bytes, reason) => {
    const { dial, logger, served } = await startServer();
    const peer = await dial();
    peer.send(bytes);
    await peer.closed();
    expect(logger.messages('warn')).toHaveLength(1);
    expect(logger.messages('warn')[0]).toMatch(/^closed 127\.0\.0\.1:\d+: it /);
    expect(logger.messages('warn')[0]).toMatch(reason);
    expect(served).toEqual([]);
    expect(peer.received).toEqual([]);
  });

  it('but the good requests before its garbage are served and answered', async () => {
    const { dial, served, release, clock } = await startServer();
    const peer = await dial();
    peer.send(request(ECHO, 1), request(HANG, 2), request(ECHO, 3), '\xff\xff\xff\xffgarbage');
    await until(() => served.length === 3);
    await settle();
    expect(peer.isClosed).toBe(false);
    release[0]!();
    await peer.closed();
    expect(peer.received.map(({ opaque }) => opaque)).toEqual([1, 3, 2]);
    expect(clock.monotonicMs()).toBe(0);
  });

  it('and the others are not disturbed', async () => {
    const { dial } = await startServer();
    const [bad, good] = [await dial(), await dial()];
    bad.send('GET / HTTP/1.1\r\n\r\n');
    await bad.closed();
    good.send(request(ECHO, 1));
    expect((await good.command(0)).code).toBe(0);
  });
});

describe('time limits', () => {
  it('close a connection that sent half a frame and nothing more for 10 s', async () => {
    const { dial, clock, logger, server } = await startServer();
    const peer = await dial();
    peer.send(encodeFrame(request(ECHO, 1)).subarray(0, 20));
    await until(() => onlyConnection(server));
    // Two turns of real input before the clock moves: the half frame has to have arrived.
    const witness = await dial();
    witness.send(request(ECHO, 1));
    await witness.command(0);
    clock.advance(9_000);
    await settle();
    expect(peer.isClosed).toBe(false);
    clock.advance(2_000);
    await peer.closed();
    expect(logger.messages('warn')).toEqual([
      expect.stringMatching(/half a frame and nothing more for 10000 ms, the limit is 10000 ms/),
    ]);
    expect(witness.isClosed).toBe(false);
  });

  it('do not stop a slow peer whose frames are each complete in time', async () => {
    const { dial, clock, server } = await startServer();
    const peer = await dial();
    const frame = encodeFrame(request(ECHO, 1));
    for (let round = 0; round < 4; round++) {
      peer.send(
        round === 0
          ? frame.subarray(0, 10)
          : Buffer.concat([frame.subarray(10), frame.subarray(0, 10)]),
      );
      await until(() => peer.received.length === round);
      clock.advance(6_000);
      await settle();
    }
    expect(onlyConnection(server)?.isOpen).toBe(true);
  });

  it('close a connection that is silent for 120 s, and only that one', async () => {
    const { dial, clock, server } = await startServer();
    const idle = await dial();
    const busy = await dial();
    await until(() => [...server.connections()].length === 2);
    for (let second = 0; second < 120; second += 30) {
      busy.send(request(ECHO, second));
      await busy.command(second / 30);
      clock.advance(30_000);
    }
    await idle.closed();
    expect(busy.isClosed).toBe(false);
  });
});

describe('back-pressure', () => {
  it('stops reading a peer that does not read its replies, and goes on when it does', async () => {
    const { dial, served } = await startServer();
    const peer = await dial();
    peer.pause();
    const total = 200;
    for (let opaque = 0; opaque < total; opaque++) {
      peer.send(request(BIG, opaque, { body: Buffer.alloc(64 * 1024) }));
    }
    // How many megabytes the kernel's buffers take is its business; that it is far from all is ours.
    let before = -1;
    while (before !== served.length) {
      before = served.length;
      await settle(20);
    }
    expect(served.length).toBeLessThan(total / 2);
    peer.resume();
    await until(() => peer.received.length === total);
    expect(peer.received.map(({ opaque }) => opaque)).toEqual([...Array(total).keys()]);
  });

  it('stops reading a peer with too many requests under way, and goes on when half are done', async () => {
    const backPressure = {
      ...defaultBackPressure,
      maxOpenRequests: 10,
      maxOpenRequestBytes: 1024 * 1024,
    };
    const { dial, served, release } = await startServer({ backPressure });
    const peer = await dial();
    // One request per chunk, larger than what one read takes, so that pausing can act in between.
    for (let opaque = 0; opaque < 30; opaque++) {
      peer.send(request(HANG, opaque, { body: Buffer.alloc(70_000) }));
    }
    await until(() => served.length >= 11);
    await settle(20);
    expect(served.length).toBeLessThanOrEqual(12);
    for (let done = 0; done < 30; done++) {
      await until(() => release.length > 0);
      release.shift()!();
    }
    await until(() => peer.received.length === 30);
  });

  it('does not blame a peer for the half frame that we stopped reading', async () => {
    const { dial, clock, served, server } = await startServer();
    const peer = await dial();
    peer.pause();
    for (let opaque = 0; opaque < 100; opaque++) {
      peer.send(request(BIG, opaque, { body: Buffer.alloc(60_000) }));
    }
    let before = -1;
    while (before !== served.length) {
      before = served.length;
      await settle(20);
    }
    clock.advance(60_000);
    expect(onlyConnection(server)?.isOpen).toBe(true);
    peer.resume();
    await until(() => peer.received.length === 100);
  });
});

describe('close', () => {
  it('lets the reply under way finish, refuses new connections, and ends the old ones', async () => {
    const { server, dial, port, release, served } = await startServer();
    const peer = await dial();
    peer.send(request(HANG, 5));
    await until(() => served.length === 1);
    const closing = server.close();
    await expect(RawPeer.dial(port)).rejects.toThrow(/ECONNREFUSED/);
    expect(peer.isClosed).toBe(false);
    release[0]!();
    await within(closing, 'closing the server');
    expect(peer.received).toMatchObject([{ opaque: 5, remark: 'released' }]);
    await peer.closed();
  });

  it('gives up on a reply that does not come within the grace', async () => {
    const { server, dial, clock, served } = await startServer();
    const peer = await dial();
    peer.send(request(HANG, 5));
    await until(() => served.length === 1);
    const closing = server.close();
    await settle();
    clock.advance(3000);
    await within(closing, 'closing the server');
    await peer.closed();
    expect(peer.received).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('destroys the socket of a peer that never closes its side', async () => {
    const { server, dial, clock } = await startServer();
    const peer = await dial();
    peer.pause();
    await until(() => onlyConnection(server));
    onlyConnection(server)!.onClose(() => undefined);
    const closing = server.close();
    await settle();
    clock.advance(1000);
    await within(closing, 'closing the server');
  });

  it('tells its owner of each connection that opens and closes, once', async () => {
    const events: string[] = [];
    const { server, dial } = await startServer({
      onOpen: ({ id }) => events.push(`open ${id}`),
      onClose: ({ id }) => events.push(`close ${id}`),
    });
    const first = await dial();
    await until(() => events.length === 1);
    await dial();
    await until(() => events.length === 2);
    first.destroy();
    await until(() => events.length === 3);
    await server.close();
    expect(events).toEqual(['open 1', 'open 2', 'close 1', 'close 2']);
  });
});

describe('start', () => {
  it('names the address and the reason when it cannot listen', async () => {
    const { port } = await startServer();
    const second = new RemotingServer({
      host: '127.0.0.1',
      port,
      processors: new Map(),
      logger: new RecordingLogger(),
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
  });

  it('refuses connections beyond its limit and says so once', async () => {
    const { dial, logger, server } = await startServer({ maxConnections: 2 });
    await dial();
    await dial();
    await until(() => [...server.connections()].length === 2);
    const third = await dial();
    const fourth = await dial();
    await third.closed();
    await fourth.closed();
    expect(logger.messages('warn')).toEqual(['refused connections beyond the limit']);
  });
});

describe('the server as requester', () => {
  it('sends requests and oneways to a client and matches the replies by opaque', async () => {
    const { server, dial } = await startServer();
    const peer = await dial();
    const connection = await until(() => onlyConnection(server));
    const first = connection.request(requestCommand({ code: 39 }), { timeoutMs: 3000 });
    const second = connection.request(requestCommand({ code: 307 }), { timeoutMs: 3000 });
    await connection.oneway(requestCommand({ code: 40 }));
    await peer.command(2);
    expect(peer.received.map(({ code, flag }) => [code, flag])).toEqual([
      [39, 0],
      [307, 0],
      [40, 2],
    ]);
    // The peer's own opaque may be the same number: direction tells them apart.
    peer.send(request(ECHO, peer.received[0]!.opaque));
    peer.reply(peer.received[1]!, { code: 0, remark: 'second' });
    peer.reply(peer.received[0]!, { code: 0, remark: 'first' });
    expect((await first).remark).toBe('first');
    expect((await second).remark).toBe('second');
    expect((await peer.command(3)).flag).toBe(1);
  });
});
