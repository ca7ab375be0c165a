import type { RemotingCommand } from '../../protocol/frame.ts';
import { retryTopic } from '../../protocol/names.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import {
  decodeSubscriptionGroup,
  type SubscriptionGroupConfig,
} from '../../protocol/subscription-group.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { invalidParameter } from '../refusals.ts';

/** As many as a topic may have here: each costs files. */
const MAX_RETRY_QUEUES = 4096;
const MAX_INT32 = 0x7fff_ffff;

/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: replaces a consumer group's settings, or creates the group with them.
 *
 * Order:  answered when the settings are on disk. A retry topic that is there already gets more queues if the group
 *         now asks for more, never fewer: what is in them has to be consumed.
 * Errors: INVALID_PARAMETER naming the field and both numbers; the original stores any number.
 */
export function updateAndCreateSubscriptiongroupProcessor(context: BrokerContext): Processor {
  const { groups, topics } = context;

  return async (request) => {
    const config = decodeSubscriptionGroup(request.body);
    checkRanges(request, config);
    await groups.update(config);
    await growRetryTopic(config);
    context.logger.info(`consumer group ${config.groupName} has new settings`, { ...config });
    return { code: ResponseCode.SUCCESS };
  };

  async function growRetryTopic({ groupName, retryQueueNums }: SubscriptionGroupConfig) {
    const retry = topics.get(retryTopic(groupName));
    if (retry === undefined || retry.writeQueueNums >= retryQueueNums) return;
    await topics.update({
      ...retry,
      readQueueNums: Math.max(retry.readQueueNums, retryQueueNums),
      writeQueueNums: retryQueueNums,
    });
  }
}

function checkRanges(request: RemotingCommand, config: SubscriptionGroupConfig): void {
  const highest = {
    retryQueueNums: MAX_RETRY_QUEUES,
    retryMaxTimes: MAX_INT32,
    brokerId: MAX_INT32,
    whichBrokerWhenConsumeSlowly: MAX_INT32,
    consumeTimeoutMinute: MAX_INT32,
  };
  for (const [field, max] of Object.entries(highest)) {
    const value = config[field as keyof typeof highest];
    if (value >= 0 && value <= max) continue;
    throw invalidParameter(
      request,
      `${field} ${value} of group ${config.groupName} is outside 0..${max}`,
    );
  }
}
