import { afterEach, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/client/producer.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { routeOver, scriptedBroker, scriptedNameServer, type Routes } from './scripted-cluster.ts';

afterEach(closeOpened);

it('a requester becomes known to all brokers, though a name server that had just begun knew of no reply topic', async () => {
  const clock = new FakeClock();
  const [a, b] = [open(await scriptedBroker()), open(await scriptedBroker())];
  const routes: Routes = { T: routeOver([a]) };
  const nameServer = open(await scriptedNameServer(routes));
  const looked = (): number =>
    nameServer
      .requests(RequestCode.GET_ROUTEINFO_BY_TOPIC)
      .filter(({ extFields }) => extFields?.['topic'] === 'c_REPLY_TOPIC').length;
  const producer = open(
    new Producer({ namesrvAddr: nameServer.address, producerGroup: 'g', clock }),
  );
  /** Nobody replies. */
  const request = async (): Promise<void> => {
    let isOver = false;
    const outcome = failure(producer.request({ topic: 'T', body: 'x' })).finally(
      () => (isOver = true),
    );
    await clock.advanceUntil(() => isOver);
    await expect(outcome).resolves.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  };
  await request();
  await request();
  expect(looked()).toBe(1);
  expect(b.requests(RequestCode.HEART_BEAT)).toEqual([]);
  routes['c_REPLY_TOPIC'] = routeOver([a, b]);
  await clock.advanceAndSettle(30_000);
  await request();
  expect(b.requests(RequestCode.HEART_BEAT).length).toBeGreaterThan(0);
  const found = looked();
  await request();
  expect(looked()).toBe(found);
});
