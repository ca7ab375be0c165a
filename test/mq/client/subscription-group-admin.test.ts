import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';

let mq: TestBroker;
let admin: Admin;

beforeEach(async () => {
  mq = await testBroker();
  admin = new Admin({ namesrvAddr: mq.namesrvAddr });
});

afterEach(async () => {
  await admin.shutdown();
  await mq.close();
});

async function settings(group: string) {
  return (await admin.subscriptionGroups()).find(({ groupName }) => groupName === group);
}

describe('the settings of a consumer group', () => {
  it('are the defaults but for what is given, and stay where they are not given again', async () => {
    await admin.updateSubscriptionGroup({ consumerGroup: 'g', retryMaxTimes: 3 });
    expect(await settings('g')).toEqual({
      brokerName: mq.broker.config.brokerName,
      groupName: 'g',
      consumeEnable: true,
      consumeFromMinEnable: true,
      consumeBroadcastEnable: true,
      consumeMessageOrderly: false,
      retryQueueNums: 1,
      retryMaxTimes: 3,
      brokerId: 0,
      whichBrokerWhenConsumeSlowly: 1,
      notifyConsumerIdsChangedEnable: true,
      groupSysFlag: 0,
      consumeTimeoutMinute: 15,
    });
    await admin.updateSubscriptionGroup({ consumerGroup: 'g', consumeEnable: false });
    expect(await settings('g')).toMatchObject({ retryMaxTimes: 3, consumeEnable: false });
  });

  it('go with the group, and its progress when that is asked for', async () => {
    const { offsets } = mq.broker.context;
    await mq.createTopic('T', 1);
    await admin.updateSubscriptionGroup({ consumerGroup: 'g' });
    offsets.commit({ group: 'g', topic: 'T', queueId: 0, queueOffset: 7, client: 'test' });
    await admin.deleteSubscriptionGroup('g');
    expect(await settings('g')).toBeUndefined();
    expect(offsets.query('g', 'T', 0)).toBe(7);
    await admin.deleteSubscriptionGroup('g', { cleanOffset: true });
    expect(offsets.query('g', 'T', 0)).toBeUndefined();
  });

  it.each<[Record<string, unknown>, string, RegExp]>([
    [{ consumerGroup: '' }, 'INVALID_ARGUMENT', /group name is empty/],
    [{ retryMaxTimes: -1 }, 'CONFIG_INVALID', /retryMaxTimes is -1/],
    [{ retryMaxTimes: Number.NaN }, 'CONFIG_INVALID', /retryMaxTimes is NaN/],
    [{ consumeEnable: 'no' }, 'CONFIG_INVALID', /consumeEnable is no, .* a boolean/],
    [{ retryMaxTimes: '3' }, 'CONFIG_INVALID', /retryMaxTimes is 3, .* a number/],
    [{ retryMaxTimse: 3 }, 'CONFIG_INVALID', /retryMaxTimse is no setting of a group/],
    // Our client says that it is of a version without a code for a value out of range.
    [{ retryMaxTimes: 2 ** 31 }, 'SYSTEM_ERROR', /2147483648 of group g is outside/],
    [{ cluster: 'elsewhere' }, 'NO_ROUTE', /cluster elsewhere has no master broker; there are: /],
  ])('are refused: %j', async (options, code, text) => {
    const updating = admin.updateSubscriptionGroup({ consumerGroup: 'g', ...options });
    await expect(updating).rejects.toThrow(text);
    await expect(updating).rejects.toMatchObject({ code });
    expect(await settings('g')).toBeUndefined();
  });
});
