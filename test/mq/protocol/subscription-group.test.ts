import { describe, expect, it } from '@jest/globals';
import {
  decodeSubscriptionGroup,
  decodeSubscriptionGroupTable,
  defaultGroupSettings,
  encodeSubscriptionGroup,
  encodeSubscriptionGroupTable,
  type SubscriptionGroupConfig,
} from '../../../mq/protocol/subscription-group.ts';
import { readGoldens } from '../../support/goldens.ts';

/** The groups of test/interop/goldens/Goldens.java: nothing as it is by default, and everything. */
const changedIn49: SubscriptionGroupConfig = {
  ...defaultGroupSettings,
  groupName: 'cg',
  consumeEnable: false,
  consumeFromMinEnable: false,
  consumeBroadcastEnable: false,
  retryQueueNums: 3,
  retryMaxTimes: 5,
  brokerId: 2,
  whichBrokerWhenConsumeSlowly: 4,
  notifyConsumerIdsChangedEnable: false,
};
const changed: SubscriptionGroupConfig = {
  ...changedIn49,
  consumeMessageOrderly: true,
  groupSysFlag: 6,
  consumeTimeoutMinute: 30,
};
const byDefault: SubscriptionGroupConfig = { ...defaultGroupSettings, groupName: 'cg0' };

function table(config: SubscriptionGroupConfig) {
  return {
    dataVersion: { stateVersion: 0, timestamp: 1_795_171_199_192, counter: 9 },
    subscriptionGroupTable: new Map([
      ['cg0', byDefault],
      ['cg', config],
    ]),
  };
}

describe.each([
  { maker: 'java-4.9.8', config: changedIn49 },
  { maker: 'java-5.5.0', config: changed },
] as const)('what $maker writes about consumer groups', ({ maker, config }) => {
  const golden = readGoldens(maker);

  it('is read, whatever setting differs from its default', () => {
    expect(decodeSubscriptionGroup(golden('group settings'))).toEqual(config);
    expect(decodeSubscriptionGroup(golden('group settings by default'))).toEqual(byDefault);
    expect(decodeSubscriptionGroupTable(golden('group table'))).toEqual(table(config));
  });
});

describe('what we write about consumer groups', () => {
  it('is what a 4.9 peer writes, to the byte', () => {
    const golden = readGoldens('java-4.9.8');
    expect(encodeSubscriptionGroup(changedIn49).toString()).toBe(
      golden('group settings').toString(),
    );
    expect(encodeSubscriptionGroup(byDefault).toString()).toBe(
      golden('group settings by default').toString(),
    );
    expect(encodeSubscriptionGroupTable(table(changedIn49)).toString()).toBe(
      golden('group table').toString(),
    );
  });

  it('is what a 5.x peer writes, but for two settings that only it has', () => {
    const golden = readGoldens('java-5.5.0')('group settings').toString();
    expect(encodeSubscriptionGroup(changed).toString()).toBe(
      golden
        .replace('"attributes":{"lite.sub.model":"Shared"},', '')
        .replace('"groupRetryPolicy":{"type":"CUSTOMIZED"},', ''),
    );
  });
});
