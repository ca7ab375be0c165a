import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createReplyMessage,
  isRequest,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ProducerOptions,
} from '../../../mq/index.ts';
import { startBroker, type Broker } from '../../../mq/server.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { within } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { closeOpened, open } from '../../support/opened.ts';

const REPLY_TOPIC = 'DefaultCluster_REPLY_TOPIC';

let mq: TestBroker;

function producer(options: Partial<ProducerOptions> = {}): Producer {
  return open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p', ...options }));
}

/** A consumer of topic T, once it consumes; `reply` gets the producer that answers. */
async function answering(
  reply: (message: ConsumedMessage, replier: Producer) => Promise<unknown>,
): Promise<ConsumedMessage[]> {
  const replier = producer({ producerGroup: 'replier' });
  const got: ConsumedMessage[] = [];
  const consumer = open(new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'c' }));
  consumer.subscribe('T').onMessage(async (message) => {
    got.push(message);
    await reply(message, replier);
  });
  await consumer.start();
  return got;
}

beforeEach(async () => {
  mq = open(await testBroker());
  await mq.createTopic('T');
});

afterEach(closeOpened);

describe('a request', () => {
  it('brings the reply that a consumer sends, with what it carries', async () => {
    const got = await answering((message, replier) =>
      replier.send({
        ...createReplyMessage(message, `hello, ${message.text()}`),
        tags: 'Reply',
        keys: 'k',
        properties: { colour: 'red' },
      }),
    );
    const requester = producer();
    const reply = await requester.request({ topic: 'T', body: 'me' }, { timeoutMs: 4_000 });
    expect(reply.text()).toBe('hello, me');
    expect(reply).toMatchObject({ topic: REPLY_TOPIC, tags: 'Reply', keys: ['k'] });
    expect(reply.properties.get('colour')).toBe('red');
    expect(reply.properties.get('MSG_TYPE')).toBe('reply');
    const [request] = got;
    expect(isRequest(request!)).toBe(true);
    expect(request!.properties.get('REPLY_TO_CLIENT')).toBe(requester.clientId);
    expect(request!.properties.get('TTL')).toBe('4000');
    expect(reply.properties.get('CORRELATION_ID')).toBe(request!.properties.get('CORRELATION_ID'));
    const [stored] = await mq.messages(REPLY_TOPIC, { atLeast: 1 });
    expect(stored!.text()).toBe('hello, me');
  });

  it('finds its own reply among many, also large ones that are compressed', async () => {
    await answering((message, replier) =>
      replier.send(createReplyMessage(message, message.text().repeat(2_000))),
    );
    const requester = producer();
    const names = Array.from({ length: 20 }, (_, index) => `<${index}>`);
    const replies = await Promise.all(
      names.map((body) => requester.request({ topic: 'T', body }, { timeoutMs: 4_000 })),
    );
    expect(replies.map((reply) => reply.text())).toEqual(names.map((name) => name.repeat(2_000)));
  });

  it('takes the first of two replies, and says nothing of the other', async () => {
    const outcomes: unknown[] = [];
    await answering(async (message, replier) => {
      outcomes.push(await replier.send(createReplyMessage(message, 'first')));
      outcomes.push(await replier.send(createReplyMessage(message, 'second')));
    });
    const reply = await producer().request({ topic: 'T', body: 'x' }, { timeoutMs: 4_000 });
    expect(reply.text()).toBe('first');
    await mq.consumed('c', 'T');
    expect(outcomes).toHaveLength(2);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'SEND_OK' });
  });

  it('that nobody replies to says so, and that it is stored', async () => {
    const error = await failure(producer().request({ topic: 'T', body: 'x' }, { timeoutMs: 300 }));
    expect(error).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      retriable: true,
      details: { stage: 'waiting for the reply', timeoutMs: 300 },
    });
    const [stored] = await mq.messages('T', { atLeast: 1 });
    expect(error.details['msgId']).toBe(stored!.msgId);
  });

  it('that is aborted ends at once', async () => {
    const abort = new AbortController();
    const asking = failure(
      producer().request({ topic: 'T', body: 'x' }, { timeoutMs: 60_000, signal: abort.signal }),
    );
    await mq.messages('T', { atLeast: 1 });
    abort.abort();
    await expect(within(asking, 'the request')).resolves.toMatchObject({ code: 'REQUEST_ABORTED' });
  });

  it('that cannot be sent fails as its send does', async () => {
    using _refused = mq.faults.refuseSends({ code: 'MESSAGE_ILLEGAL' });
    await expect(
      failure(producer().request({ topic: 'T', body: 'x' }, { timeoutMs: 60_000 })),
    ).resolves.toMatchObject({ code: 'MESSAGE_ILLEGAL' });
  });
});

describe('a reply', () => {
  it('to a requester that is gone fails for who replies, with what the original says', async () => {
    const requester = producer();
    const asking = requester.request({ topic: 'T', body: 'x' }, { timeoutMs: 300 });
    await asking.catch(() => undefined);
    await requester.shutdown();
    const outcomes: unknown[] = [];
    await answering(async (message, replier) => {
      outcomes.push(await replier.send(createReplyMessage(message, 'late')).catch((e) => e));
    });
    await mq.consumed('c', 'T');
    expect(outcomes[0]).toMatchObject({
      code: 'SYSTEM_ERROR',
      message: expect.stringContaining(
        `push reply message fail, channel of <${requester.clientId}> not found.`,
      ) as unknown,
    });
  });

  it('that is late is a success for who replies', async () => {
    const requester = producer();
    await requester.request({ topic: 'T', body: 'x' }, { timeoutMs: 300 }).catch(() => undefined);
    const outcomes: unknown[] = [];
    await answering(async (message, replier) => {
      outcomes.push(await replier.send(createReplyMessage(message, 'late')));
    });
    await mq.consumed('c', 'T');
    expect(outcomes[0]).toMatchObject({ status: 'SEND_OK' });
  });

  it('is not made to a message that is no request', async () => {
    await producer().send({ topic: 'T', body: 'x' });
    const [message] = await mq.messages('T', { atLeast: 1 });
    expect(isRequest(message!)).toBe(false);
    expect(() => createReplyMessage(message!, 'x')).toThrow(
      'the message is no request: it has no property CORRELATION_ID, so there is nobody to reply to',
    );
  });

  it('goes alone, and asks for no reply itself', async () => {
    const reply = {
      topic: REPLY_TOPIC,
      body: 'x',
      replyTo: { correlationId: 'c', replyToClient: 'r', ttl: '1', brokerName: 'broker-a' },
    };
    for (const sending of [
      producer().sendBatch([reply]),
      producer().request(reply, { timeoutMs: 1_000 }),
    ]) {
      await expect(failure(sending)).resolves.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('a broker told to keep no replies', () => {
  it('passes them on all the same', async () => {
    mq = open(await testBroker({ storeReplyMessageEnable: false }));
    await mq.createTopic('T');
    await answering((message, replier) => replier.send(createReplyMessage(message, 'pong')));
    const reply = await producer().request({ topic: 'T', body: 'ping' }, { timeoutMs: 4_000 });
    expect(reply.text()).toBe('pong');
    expect(await mq.messages(REPLY_TOPIC)).toEqual([]);
  });
});

describe('two brokers of a cluster', () => {
  it('both know the requester, and the reply goes by the one that has the request', async () => {
    const settings = { listenPort: 0, namesrvAddr: mq.namesrvAddr, brokerName: 'broker-b' };
    const storePathRootDir = await mkdtemp(join(tmpdir(), 'millrace-reply-'));
    // It has no topic T: the requester knows it by the reply topic alone.
    const other = open(
      ending(await startBroker({ ...settings, storePathRootDir }), storePathRootDir),
    );
    const by: string[] = [];
    await answering(async (message, replier) => {
      const reply = createReplyMessage(message, message.text());
      const queue = { topic: REPLY_TOPIC, brokerName: 'broker-b', queueId: 0 };
      const isElsewhere = message.text() === 'by the other';
      const { messageQueue } = await replier.send(reply, isElsewhere ? { queue } : {});
      by.push(messageQueue.brokerName);
    });
    const requester = producer();
    for (const body of ['by the same', 'by the other']) {
      const reply = await requester.request({ topic: 'T', body }, { timeoutMs: 4_000 });
      expect(reply.text()).toBe(body);
    }
    await mq.consumed('c', 'T');
    expect(by).toEqual([mq.broker.context.config.brokerName, 'broker-b']);
    expect(requester.knownBrokers()).toContain(other.broker.address);
  });
});

/** Closes the broker, and then removes what it has written. */
function ending(broker: Broker, directory: string): AsyncDisposable & { broker: Broker } {
  const end = async (): Promise<void> => {
    await broker.close();
    await rm(directory, { recursive: true });
  };
  return { broker, [Symbol.asyncDispose]: end };
}
