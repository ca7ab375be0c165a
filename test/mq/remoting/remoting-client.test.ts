import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  encodeFrame,
  requestCommand,
  responseTo,
  SerializeType,
} from '../../../mq/protocol/frame.ts';
import type { Processor } from '../../../mq/remoting/processor.ts';
import {
  RemotingClient,
  type RemotingClientOptions,
} from '../../../mq/remoting/remoting-client.ts';
import { until, within } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { unansweredSocket } from '../../support/faulty-socket.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedServer } from '../../support/scripted-peer.ts';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function startClient(options: RemotingClientOptions = {}) {
  const server = await ScriptedServer.listen();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const client = new RemotingClient({ clock, logger, ...options });
  cleanUps.push(
    () => server[Symbol.asyncDispose](),
    () => client.close(),
  );
  return { server, clock, logger, client, addr: server.addr };
}

const ask = requestCommand({ code: 105, extFields: { topic: 'T' } });
const patience = { timeoutMs: 3000 };

describe('a reply', () => {
  it('reaches the caller whose opaque it has, in whatever order replies come', async () => {
    const { client, server, addr } = await startClient();
    const calls = [0, 1, 2].map(() => client.request(addr, ask, patience));
    const peer = await server.peer();
    await peer.command(2);
    for (const request of peer.received.toReversed()) {
      peer.reply(request, { code: 0, remark: `to ${request.opaque}` });
    }
    const replies = await Promise.all(calls);
    expect(replies.map(({ remark }) => remark)).toEqual(
      peer.received.map(({ opaque }) => `to ${opaque}`),
    );
    expect(server.peers).toHaveLength(1);
  });

  it('with an error code is a reply, not an error of the client', async () => {
    const { client, server, addr } = await startClient();
    const call = client.request(addr, ask, patience);
    const peer = await server.peer();
    peer.reply(await peer.command(0), { code: 17, remark: 'no such topic' });
    expect(await call).toMatchObject({ code: 17, remark: 'no such topic' });
  });

  it('that is late, repeated or was never asked for is dropped without a word above debug', async () => {
    const { client, server, addr, clock, logger } = await startClient();
    const late = client.request(addr, ask, { timeoutMs: 100 });
    const peer = await server.peer();
    const first = await peer.command(0);
    clock.advance(200);
    expect((await failure(late)).code).toBe('REQUEST_TIMEOUT');

    const call = client.request(addr, ask, patience);
    const second = await peer.command(1);
    peer.reply(first, { code: 0, remark: 'late' });
    peer.reply({ ...second, opaque: 424_242 }, { code: 0, remark: 'never asked for' });
    peer.reply(second, { code: 0, remark: 'right' });
    peer.reply(second, { code: 0, remark: 'repeated' });
    expect((await call).remark).toBe('right');

    const last = client.request(addr, ask, patience);
    peer.reply(await peer.command(2), { code: 0, remark: 'still working' });
    expect((await last).remark).toBe('still working');
    expect(logger.messages('debug')).toHaveLength(3);
    expect(logger.entries).toHaveLength(3);
  });

  it('is understood byte by byte, and glued to the next', async () => {
    const { client, server, addr } = await startClient();
    const calls = [0, 1, 2].map(() => client.request(addr, ask, patience));
    const peer = await server.peer();
    await peer.command(2);
    const [first, ...rest] = peer.received.map((request) =>
      encodeFrame(responseTo(request, { code: 0, body: Buffer.from('x') })),
    );
    for (const byte of first!) {
      peer.send(Buffer.of(byte));
      await settle(1);
    }
    peer.send(Buffer.concat(rest));
    expect((await Promise.all(calls)).map(({ body }) => String(body))).toEqual(['x', 'x', 'x']);
  });

  it('that is garbage closes the connection and fails the caller, retriably', async () => {
    const { client, server, addr, logger } = await startClient();
    const call = client.request(addr, ask, patience);
    const peer = await server.peer();
    await peer.command(0);
    peer.send('\xff\xff\xff\xff\x00\x00\x00\x00');
    expect(await failure(call)).toMatchObject({ code: 'CONNECTION_CLOSED', retriable: true });
    expect(logger.messages('warn')[0]).toMatch(/sent an invalid frame/);
  });
});

describe('a request', () => {
  it('that is never answered times out, naming the request, the peer and the limit', async () => {
    const { client, server, addr, clock } = await startClient();
    const call = client.request(addr, ask, patience);
    await (await server.peer()).command(0);
    clock.advance(2999);
    await settle();
    clock.advance(10);
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'REQUEST_TIMEOUT', retriable: true });
    expect(error.message).toBe(
      `no reply to GET_ROUTEINFO_BY_TOPIC(105) sent to ${addr} within 3000 ms`,
    );
  });

  it('can be aborted before it is sent, while dialling, and while waiting', async () => {
    const { client, server, addr } = await startClient();
    const aborted = AbortSignal.abort('enough');
    expect((await failure(client.request(addr, ask, { ...patience, signal: aborted }))).code).toBe(
      'REQUEST_ABORTED',
    );
    const dialling = new AbortController();
    const first = client.request(addr, ask, { ...patience, signal: dialling.signal });
    dialling.abort();
    expect(await failure(first)).toMatchObject({ code: 'REQUEST_ABORTED', retriable: true });
    const waiting = new AbortController();
    const second = client.request(addr, ask, { ...patience, signal: waiting.signal });
    const peer = await server.peer();
    const request = await peer.command(0);
    waiting.abort(new Error('the user left'));
    expect(await failure(second)).toMatchObject({
      code: 'REQUEST_ABORTED',
      cause: new Error('the user left'),
    });
    peer.reply(request, { code: 0 });
    const third = client.request(addr, ask, patience);
    peer.reply(await peer.command(1), { code: 0, remark: 'unharmed' });
    expect((await third).remark).toBe('unharmed');
  });

  it('fails at once when its connection closes, and the next one dials again', async () => {
    const { client, server, addr, clock } = await startClient();
    const closed: string[] = [];
    client.onClose((closedAddr) => closed.push(closedAddr));
    const warmUp = client.request(addr, ask, patience);
    const peer = await server.peer();
    peer.reply(await peer.command(0), { code: 0 });
    await warmUp;
    const call = client.request(addr, ask, patience);
    await peer.command(1);
    peer.destroy();
    expect(await failure(call)).toMatchObject({ code: 'CONNECTION_CLOSED', retriable: true });
    expect(closed).toEqual([addr]);
    const again = client.request(addr, ask, patience);
    const second = await server.peer(1);
    second.reply(await second.command(0), { code: 0, remark: 'back' });
    expect((await again).remark).toBe('back');
    expect(clock.monotonicMs()).toBe(0);
  });

  it('goes out in the header encoding the client is set to', async () => {
    const { client, server, addr } = await startClient({ serializeType: SerializeType.ROCKETMQ });
    await client.oneway(addr, ask);
    const peer = await server.peer();
    expect(await peer.command(0)).toMatchObject({
      serializeType: SerializeType.ROCKETMQ,
      flag: 2,
      extFields: { topic: 'T' },
    });
  });

  it('beyond the frame limit is refused with both sizes, and disturbs nobody', async () => {
    const limits = { maxFrameBytes: 65_536, maxHeaderBytes: 65_536 };
    const { client, server, addr } = await startClient({ limits });
    const big = requestCommand({ code: 10, body: Buffer.alloc(70_000) });
    const error = await failure(client.request(addr, big, patience));
    expect(error.code).toBe('FRAME_INVALID');
    expect(error.message).toMatch(
      /SEND_MESSAGE\(10\) makes a frame of 70\d\d\d bytes, the limit is 65536/,
    );
    const call = client.request(addr, ask, patience);
    const peer = await server.peer();
    peer.reply(await peer.command(0), { code: 0 });
    expect((await call).code).toBe(0);
  });

  it('sent to something that is no address fails with INVALID_ARGUMENT', async () => {
    const { client } = await startClient();
    expect((await failure(client.request('nowhere', ask, patience))).code).toBe('INVALID_ARGUMENT');
  });
});

describe('requests of the peer', () => {
  it('are served by the processors, and oneways are not answered', async () => {
    const seen: string[] = [];
    const processors = new Map<number, Processor>([
      [
        40,
        ({ extFields }) => {
          seen.push(extFields!['consumerGroup']!);
          return undefined;
        },
      ],
      [307, async () => ({ code: 0, body: Buffer.from('running') })],
    ]);
    const { client, server, addr } = await startClient({ processors });
    await client.oneway(addr, ask);
    const peer = await server.peer();
    const notify = requestCommand({ code: 40, extFields: { consumerGroup: 'G' } });
    peer.send({ ...notify, flag: 2, opaque: 1 }, { ...requestCommand({ code: 307 }), opaque: 1 });
    expect(await peer.command(1)).toMatchObject({ opaque: 1, flag: 1, code: 0 });
    expect(seen).toEqual(['G']);
    expect(peer.received).toHaveLength(2);
  });
});

describe('dialling', () => {
  it('is shared by all who need the address', async () => {
    const { client, server, addr } = await startClient();
    await Promise.all([1, 2, 3, 4].map(() => client.oneway(addr, ask)));
    const peer = await server.peer();
    await peer.command(3);
    expect(server.peers).toHaveLength(1);
  });

  it('backs off from an address that refuses: 100 ms, doubling to 5 s, failing fast in between', async () => {
    let dialCount = 0;
    const { client, server, addr, clock } = await startClient({
      dial: ({ address, port }) => {
        dialCount++;
        return connect(port, address);
      },
    });
    await server[Symbol.asyncDispose]();
    for (const delayMs of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      const refused = await failure(client.request(addr, ask, patience));
      expect(refused).toMatchObject({ code: 'CONNECT_FAILED', retriable: true });
      expect(refused.message).toMatch(/cannot connect to .*ECONNREFUSED/);
      const dialled = dialCount;
      clock.advance(delayMs - 1);
      const fast = await failure(client.request(addr, ask, patience));
      expect(fast).toMatchObject({ code: 'CONNECT_FAILED', details: { waitMs: 1 } });
      expect(dialCount).toBe(dialled);
      clock.advance(1);
    }
    expect(dialCount).toBe(8);
    await using revived = await ScriptedServer.listen(server.port);
    const call = client.request(addr, ask, patience);
    const peer = await revived.peer();
    peer.reply(await peer.command(0), { code: 0 });
    expect((await call).code).toBe(0);
  });

  it('backs off from a peer that accepts and hangs up, too', async () => {
    const { client, server, addr } = await startClient();
    const call = client.request(addr, ask, patience);
    (await server.peer()).destroy();
    expect((await failure(call)).code).toBe('CONNECTION_CLOSED');
    expect((await failure(client.request(addr, ask, patience))).code).toBe('CONNECT_FAILED');
    expect(server.peers).toHaveLength(1);
  });

  it('is given up after the connect timeout', async () => {
    const { client, clock } = await startClient({ dial: unansweredSocket });
    const call = client.request('10.255.255.1:9876', ask, { timeoutMs: 10_000 });
    await settle();
    clock.advance(3000);
    const error = await failure(call);
    expect(error.code).toBe('CONNECT_FAILED');
    expect(error.message).toMatch(/no answer within 3000 ms/);
  });

  it('does not outlast the patience of a caller, while others go on waiting', async () => {
    const sockets: Socket[] = [];
    const { client, clock } = await startClient({
      dial: () => {
        sockets.push(unansweredSocket());
        return sockets[0]!;
      },
    });
    const hasty = client.request('10.255.255.1:9876', ask, { timeoutMs: 500 });
    const patient = client.request('10.255.255.1:9876', ask, { timeoutMs: 10_000 });
    await settle();
    clock.advance(500);
    expect((await failure(hasty)).code).toBe('REQUEST_TIMEOUT');
    sockets[0]!.destroy(new Error('no route to host'));
    expect((await failure(patient)).message).toMatch(/no route to host/);
    expect(sockets).toHaveLength(1);
  });
});

describe('a peer that goes silent', () => {
  it('is dropped after three timeouts and 10 s without a byte, so that the next call dials anew', async () => {
    const { client, server, addr, clock, logger } = await startClient();
    for (let attempt = 0; attempt < 4; attempt++) {
      const call = client.request(addr, ask, patience);
      await (await server.peer()).command(attempt);
      clock.advance(3010);
      expect((await failure(call)).code).toBe('REQUEST_TIMEOUT');
    }
    await until(() => server.peers[0]?.isClosed);
    expect(logger.messages('warn')).toEqual([`closed ${addr}: it answers nothing`]);
  });

  it('is kept as long as it sends anything at all', async () => {
    const { client, server, addr, clock } = await startClient();
    for (let attempt = 0; attempt < 8; attempt++) {
      const call = client.request(addr, ask, patience);
      const peer = await server.peer();
      await peer.command(attempt);
      peer.send({ ...requestCommand({ code: 40 }), flag: 2, opaque: attempt });
      // Answered only after the notification before it was read.
      const probe = client.request(addr, ask, { timeoutMs: 60_000 });
      peer.reply(await peer.command(++attempt), { code: 0 });
      await probe;
      clock.advance(3010);
      expect((await failure(call)).code).toBe('REQUEST_TIMEOUT');
    }
    expect(client.isConnected(addr)).toBe(true);
  });
});

describe('close', () => {
  it('sends what was handed over, fails what waits, refuses what comes', async () => {
    const { client, server, addr, clock } = await startClient();
    const waiting = client.request(addr, ask, patience);
    const peer = await server.peer();
    await peer.command(0);
    for (let count = 0; count < 100; count++) void client.oneway(addr, ask);
    const closing = client.close();
    expect(await failure(waiting)).toMatchObject({ code: 'CONNECTION_CLOSED' });
    await within(closing, 'closing the client');
    await until(() => peer.received.length === 101);
    expect((await failure(client.request(addr, ask, patience))).code).toBe('CLIENT_CLOSED');
    expect((await failure(client.oneway(addr, ask))).code).toBe('CLIENT_CLOSED');
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends a dial under way', async () => {
    const { client, clock } = await startClient({ dial: unansweredSocket });
    const call = client.request('10.255.255.1:9876', ask, patience);
    await settle();
    await client.close();
    expect((await failure(call)).code).toBe('CLIENT_CLOSED');
    expect(clock.pendingTimers).toBe(0);
  });
});
