import { describe, expect, it } from '@jest/globals';
import { SubscriptionGroups } from '../../../mq/broker/subscription-groups.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';

interface GroupsJson {
  dataVersion: { counter: number };
  subscriptionGroupTable: Record<string, Record<string, unknown>>;
  forbiddenTable?: unknown;
}

async function setUp({ content, autoCreate = true }: { content?: unknown; autoCreate?: boolean }) {
  const file = new FakeConfigFile(content);
  const groups = await SubscriptionGroups.open({
    file,
    autoCreate,
    clock: new FakeClock(),
    logger: silentLogger,
  });
  return { file, groups, written: () => file.content as GroupsJson };
}

describe('consumer groups', () => {
  it('of the original’s tools are there from the start', async () => {
    const { groups, written } = await setUp({ autoCreate: false });
    expect(groups.get('TOOLS_CONSUMER')).toMatchObject({ consumeEnable: true, retryMaxTimes: 16 });
    expect(Object.keys(written().subscriptionGroupTable)).toContain('CID_RMQ_SYS_TRANS');
  });

  it('are created with the defaults when first seen, and saved', async () => {
    const { groups, written } = await setUp({});
    const before = groups.dataVersion.counter;
    expect(groups.get('cg')).toEqual({
      groupName: 'cg',
      consumeEnable: true,
      consumeFromMinEnable: true,
      consumeBroadcastEnable: true,
      consumeMessageOrderly: false,
      retryQueueNums: 1,
      retryMaxTimes: 16,
      brokerId: 0,
      whichBrokerWhenConsumeSlowly: 1,
      notifyConsumerIdsChangedEnable: true,
      groupSysFlag: 0,
      consumeTimeoutMinute: 15,
    });
    groups.get('cg');
    await settle();
    expect(groups.dataVersion.counter).toBe(before + 1);
    expect(written().subscriptionGroupTable['cg']).toEqual(groups.get('cg'));
    expect(written().dataVersion.counter).toBe(before + 1);
  });

  it('are not created when that is off, except the broker’s own', async () => {
    const { groups } = await setUp({ autoCreate: false });
    expect(groups.get('cg')).toBeUndefined();
    expect(groups.has('cg')).toBe(false);
    expect(groups.get('CID_RMQ_SYS_SOMETHING')).toBeDefined();
  });

  it('cannot have a name that would not fit a retry topic or a path', async () => {
    const { groups } = await setUp({});
    for (const name of ['', '../../etc', 'a b', 'g'.repeat(200)]) {
      expect(() => groups.get(name)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
  });

  it('keep what an operator set, and what only a newer broker understands', async () => {
    const { groups, written } = await setUp({
      content: {
        dataVersion: { counter: 7, timestamp: 1, stateVersion: 2 },
        forbiddenTable: { cg: { TopicA: 1 } },
        subscriptionGroupTable: {
          cg: { groupName: 'cg', retryMaxTimes: 3, groupRetryPolicy: { type: 'CUSTOMIZED' } },
        },
      },
    });
    expect(groups.get('cg')).toMatchObject({ retryMaxTimes: 3, consumeEnable: true });
    expect(written().forbiddenTable).toEqual({ cg: { TopicA: 1 } });
    expect(written().subscriptionGroupTable['cg']).toMatchObject({
      retryMaxTimes: 3,
      groupRetryPolicy: { type: 'CUSTOMIZED' },
    });
    expect(groups.dataVersion).toMatchObject({ stateVersion: 2 });
  });

  it('hold new settings when they are saved, and the old ones when that fails', async () => {
    const { file, groups, written } = await setUp({
      content: { subscriptionGroupTable: { cg: { retryMaxTimes: 3, attributes: { a: 'b' } } } },
    });
    const config = groups.find('cg')!;
    await groups.update({ ...config, retryMaxTimes: 5 });
    expect(written().subscriptionGroupTable['cg']).toMatchObject({
      retryMaxTimes: 5,
      attributes: { a: 'b' },
    });
    file.failure = new Error('disk full');
    const refused = groups.update({ ...config, retryMaxTimes: 7 });
    await expect(refused).rejects.toMatchObject({ code: 'SERVICE_NOT_AVAILABLE', retriable: true });
    await expect(groups.delete('cg')).rejects.toThrow('disk full');
    expect(groups.find('cg')?.retryMaxTimes).toBe(5);
    file.failure = undefined;
    expect(await groups.delete('cg')).toBe(true);
    expect(await groups.delete('cg')).toBe(false);
    expect(Object.keys(written().subscriptionGroupTable)).not.toContain('cg');
  });

  it('stop the start when their file makes no sense, naming the entry', async () => {
    const content = { subscriptionGroupTable: { cg: { retryMaxTimes: 'many' } } };
    await expect(setUp({ content })).rejects.toThrow(
      'subscriptionGroup.json: subscriptionGroupTable.cg.retryMaxTimes is "many"',
    );
  });
});
