import { describe, expect, it } from '@jest/globals';
import { BrokerUnderTest, sendHeader } from './broker-under-test.ts';
import { assertDrained } from '../../../mq/broker/leaving-queues.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';

describe('a queue that consumers are about to lose', () => {
  it('counts what is appended and not visible yet: nothing slips in while the disk is slow', async () => {
    const files = new FaultyFiles();
    await using broker = await BrokerUnderTest.start({
      files: files.process(),
      storeDir: '/store',
      config: { flushDiskType: 'SYNC_FLUSH' },
    });
    await broker.createTopic('TopicA', 4);
    const { store, topics } = broker.broker.context;
    const leaving = { topic: 'TopicA', firstId: 2, endId: 4 };
    const {
      queueId: _queueId,
      properties: _properties,
      ...header
    } = sendHeader({ topic: 'TopicA' });
    const appending = store.append({
      ...header,
      queueId: 3,
      bornHost: { address: '127.0.0.1', port: 1 },
      storeHost: { address: '127.0.0.1', port: 2 },
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from('slow'),
      propertiesString: '',
      tagsCode: 0,
    });
    expect(store.maxOffset('TopicA', 3)).toBe(0);
    expect(() => assertDrained({ store }, leaving, '2:0;3:0')).toThrow(
      'queue 3 of topic[TopicA] ends at 1',
    );
    await appending;
    expect(store.maxOffset('TopicA', 3)).toBe(1);
    expect(() => assertDrained({ store }, leaving, '3:1')).not.toThrow();
    expect(topics.get('TopicA')?.readQueueNums).toBe(4);
  });
});
