import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/client/producer.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { encodeTopicRoute } from '../../../mq/protocol/route.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { routeOver, scriptedBroker, scriptedNameServer, type Routes } from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const ROUTE = RequestCode.GET_ROUTEINFO_BY_TOPIC;
const HOUR_MS = 3_600_000;

let routes: Routes;
let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let clock: FakeClock;
let producer: Producer;

beforeEach(async () => {
  broker = open(await scriptedBroker());
  routes = { T: routeOver([broker]), U: routeOver([broker]) };
  nameServer = open(await scriptedNameServer(routes));
  clock = new FakeClock();
  producer = open(
    new Producer({
      namesrvAddr: nameServer.address,
      producerGroup: 'g',
      clock,
      sendTimeoutMs: 30_000,
    }),
  );
});

afterEach(closeOpened);

const asked = (topic: string): number =>
  nameServer.requests(ROUTE).filter(({ extFields }) => extFields?.['topic'] === topic).length;

/** A poll has asked for what is still watched. */
async function polled(): Promise<void> {
  await settle();
  const before = asked('T');
  await clock.advanceAndSettle(30_000);
  await until(() => asked('T') > before);
  await settle();
}

describe('the route of a topic', () => {
  it('is asked for no more when nothing was sent to it for an hour, until something is', async () => {
    await producer.send({ topic: 'U', body: 'x' });
    await producer.send({ topic: 'T', body: 'x' });
    await clock.advanceAndSettle(HOUR_MS - 1);
    await producer.send({ topic: 'T', body: 'x' });
    const within = asked('U');
    await polled();
    expect(asked('U')).toBeGreaterThan(within);
    await clock.advanceAndSettle(HOUR_MS);
    await producer.send({ topic: 'T', body: 'x' });
    await settle();
    const then = asked('U');
    await polled();
    expect(asked('U')).toBe(then);
    await producer.send({ topic: 'U', body: 'x' });
    expect(asked('U')).toBe(then + 1);
    await polled();
    expect(asked('U')).toBe(then + 2);
  });

  it('that nobody has is asked for no more a minute after the last send', async () => {
    await expect(failure(producer.send({ topic: 'None', body: 'x' }))).resolves.toMatchObject({
      code: 'NO_ROUTE',
    });
    const before = asked('None');
    await clock.advanceAndSettle(2_000);
    await until(() => asked('None') > before);
    await clock.advanceAndSettle(60_000);
    await producer.send({ topic: 'T', body: 'x' });
    await settle();
    const then = asked('None');
    await polled();
    expect(asked('None')).toBe(then);
  });

  it('that comes when the topic is forgotten already is not kept', async () => {
    await producer.send({ topic: 'U', body: 'x' });
    await producer.send({ topic: 'T', body: 'x' });
    await clock.advanceAndSettle(HOUR_MS);
    await settle();
    const late: (() => void)[] = [];
    nameServer.on(ROUTE, (request, reply) => {
      const topic = request.extFields?.['topic'] ?? '';
      const answer = { code: 0, body: encodeTopicRoute(routes[topic]!) };
      if (topic === 'U' && late.length === 0) late.push(() => reply(answer));
      else reply(answer);
    });
    await clock.advanceAndSettle(30_000);
    await until(() => late.length === 1);
    await producer.send({ topic: 'T', body: 'x' });
    for (const answer of late) answer();
    // Answered after it, on the same connection.
    routes['V'] = routeOver([broker]);
    await producer.queues('V');
    routes['U'] = routeOver([broker], 3);
    await expect(producer.queues('U')).resolves.toHaveLength(3);
  });
});
