import { expect, it } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

it('what was counted of topics and groups is forgotten when they are deleted', async () => {
  await using broker = await BrokerUnderTest.start();
  const { traffic } = broker.broker.context;
  await broker.createTopic('Orders', 1);
  await broker.createTopic('Parcels', 1);
  for (const topic of ['Orders', 'Parcels']) {
    traffic.noteStored(topic, 100);
    traffic.noteHandedOut(topic, 'buyers', 1, 100);
    traffic.noteEnded(topic, true);
    traffic.noteEnded(topic, false);
  }
  await broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Orders' });
  for (const counts of [traffic.stored, traffic.handedOut, traffic.committed, traffic.rolledBack]) {
    expect([...counts.keys()]).toEqual(['Parcels']);
  }
  await broker.request(RequestCode.DELETE_SUBSCRIPTIONGROUP, { groupName: 'buyers' });
  expect(traffic.handedOut.size).toBe(0);
});
