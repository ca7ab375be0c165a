import { MqError } from '../../errors.ts';
import { getSubscriptiongroupConfig } from '../../protocol/requests/get-subscriptiongroup-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeSubscriptionGroup } from '../../protocol/subscription-group.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * GET_SUBSCRIPTIONGROUP_CONFIG: one group's settings. Asking does not create the group, as it does in the original.
 *
 * Errors: SUBSCRIPTION_GROUP_NOT_EXIST.
 */
export function getSubscriptiongroupConfigProcessor({ groups }: BrokerContext): Processor {
  return (request) => {
    const { group } = getSubscriptiongroupConfig.decodeRequest(request.extFields);
    const config = groups.find(group);
    if (config === undefined) {
      throw new MqError('SUBSCRIPTION_GROUP_NOT_EXIST', `No group in this broker: ${group}`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeSubscriptionGroup(config) };
  };
}
