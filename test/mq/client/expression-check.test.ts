import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clientSettings } from '../../../mq/client/client-options.ts';
import { LitePullConsumer } from '../../../mq/client/lite-pull-consumer.ts';
import { MqClient } from '../../../mq/client/mq-client.ts';
import { PullSource } from '../../../mq/client/pull-source.ts';
import { PushConsumer } from '../../../mq/client/push-consumer.ts';
import { RouteCache } from '../../../mq/client/route-cache.ts';
import { pullOnce } from '../../../mq/client/single-pull.ts';
import { encodeFrame, responseTo } from '../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { heartBeat } from '../../../mq/protocol/requests/heart-beat.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { subscriptionOf, type MessageSelector } from '../../../mq/protocol/subscription.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  pullReply,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  type Routes,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const CHECK = RequestCode.CHECK_CLIENT_CONFIG;

let first: ScriptedPeer;
let second: ScriptedPeer;
let routes: Routes;
let nameServer: ScriptedPeer;
let logger: RecordingLogger;

beforeEach(async () => {
  first = open(await scriptedBroker());
  second = open(await scriptedBroker());
  first.answer(CHECK);
  second.answer(CHECK);
  const route = routeOver([first, second]);
  routes = { T: route, '%RETRY%g': route };
  nameServer = open(await scriptedNameServer(routes));
  logger = new RecordingLogger();
});
afterEach(closeOpened);

function consumer(
  selector: MessageSelector = { sql: 'a > 1' },
  requestTimeoutMs = 5_000,
): PushConsumer {
  const options = {
    namesrvAddr: nameServer.address,
    consumerGroup: 'g',
    requestTimeoutMs,
    logger,
  };
  const made = new PushConsumer(options).subscribe('T', selector).onMessage(() => undefined);
  return open(made);
}

const refuse = (peer: ScriptedPeer, code: number, remark: string) =>
  peer.answer(CHECK, { code, remark });

describe('a consumer that selects by SQL92', () => {
  it('asks every broker of the topic before it joins its group', async () => {
    await consumer().start();
    for (const peer of [first, second]) {
      const [check] = peer.requests(CHECK);
      expect(JSON.parse(check!.body!.toString())).toMatchObject({
        group: 'g',
        subscriptionData: { topic: 'T', subString: 'a > 1', expressionType: 'SQL92', tagsSet: [] },
      });
      const codes = peer.received.map(({ code }) => code);
      expect(codes.indexOf(CHECK)).toBeLessThan(codes.indexOf(RequestCode.HEART_BEAT));
    }
  });

  it('asks nobody when all it has is tags', async () => {
    await consumer('a || b').start();
    expect([...first.requests(CHECK), ...second.requests(CHECK)]).toEqual([]);
  });

  it.each([
    [ResponseCode.SUBSCRIPTION_PARSE_FAILED, 'SUBSCRIPTION_PARSE_FAILED'],
    [ResponseCode.SYSTEM_ERROR, 'SYSTEM_ERROR'],
    [ResponseCode.REQUEST_CODE_NOT_SUPPORTED, 'REQUEST_CODE_NOT_SUPPORTED'],
  ])('does not start when a broker answers %d, and has joined nothing', async (code, name) => {
    refuse(second, code, 'not with me');
    const member = consumer();
    await expect(member.start()).rejects.toMatchObject({
      code: name,
      message: expect.stringContaining('not with me'),
    });
    expect(member.isRunning).toBe(false);
    expect(first.requests(RequestCode.HEART_BEAT)).toEqual([]);
    // It is as new: with tags it may start.
    member.subscribe('T', 'a');
    await member.start();
    expect(member.isRunning).toBe(true);
  });

  it('hears a refusal beside a broker that is away', async () => {
    await first.vanish();
    refuse(second, ResponseCode.SUBSCRIPTION_PARSE_FAILED, 'at position 1');
    await expect(consumer().start()).rejects.toMatchObject({ code: 'SUBSCRIPTION_PARSE_FAILED' });
  });

  it('starts when a broker, or the name server, cannot be asked', async () => {
    await first.vanish();
    await consumer({ sql: 'a > 1' }, 500).start();
    await nameServer.vanish();
    await consumer({ sql: 'a > 1' }, 500).start();
    const warnings = logger.entries.filter(({ message }) =>
      message.startsWith('no broker has said'),
    );
    expect(warnings).toHaveLength(2);
  });

  it('starts when the topic is not there yet', async () => {
    delete routes['T'];
    const member = consumer();
    await member.start();
    expect(member.isRunning).toBe(true);
  });

  it('does not start on a broker before 4.1, which would take the expression for a tag', async () => {
    second.on(CHECK, (request) => {
      second.write(encodeFrame({ ...responseTo(request, { code: 0 }), version: 231 }));
    });
    await expect(consumer().start()).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      details: { address: second.address, version: 231, needed: 232 },
    });
  });

  it('pulls nothing from such a broker, once an answer has said so', async () => {
    const client = new MqClient(clientSettings({ namesrvAddr: nameServer.address }));
    open({ [Symbol.asyncDispose]: () => client.close() });
    const { address } = first;
    first.on(RequestCode.HEART_BEAT, (request) => {
      first.write(encodeFrame({ ...responseTo(request, { code: 0 }), version: 231 }));
    });
    await client.call(address, heartBeat, {});
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
    const pull = { address, consumerGroup: 'g', queue, queueOffset: 0, maxMsgNums: 1 };
    const subscription = subscriptionOf('T', { sql: 'a > 1' }, 1);
    await expect(pullOnce(client, { ...pull, subscription })).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
    });
    const cache = new RouteCache();
    cache.set('T', routeOver([first]));
    const source = new PullSource(client, cache, queue, 'g');
    const { signal } = new AbortController();
    await expect(
      source.pull({ queueOffset: 0, commitOffset: 0, maxMsgNums: 1, subscription }, signal),
    ).rejects.toMatchObject({ code: 'VERSION_NOT_SUPPORTED' });
    expect(first.requests(RequestCode.PULL_MESSAGE)).toEqual([]);
    first.answer(RequestCode.PULL_MESSAGE, pullReply({ code: 20, next: 0 }));
    const byTag = subscriptionOf('T', 'a', 1);
    expect((await pullOnce(client, { ...pull, subscription: byTag })).code).toBe(20);
  });

  it('is refused at once when the expression does not parse', () => {
    const member = new PushConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g' });
    expect(() => member.subscribe('T', { sql: 'a LIKE 1' })).toThrow('at position 3: found LIKE');
  });
});

describe('a lite pull consumer that selects by SQL92', () => {
  it('does not start when a broker refuses, either', async () => {
    refuse(first, ResponseCode.SUBSCRIPTION_PARSE_FAILED, 'at position 1');
    const member = open(
      new LitePullConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g' }),
    );
    member.subscribe('T', { sql: 'a > 1' });
    await expect(member.start()).rejects.toMatchObject({ code: 'SUBSCRIPTION_PARSE_FAILED' });
    expect(member.isRunning).toBe(false);
  });
});
