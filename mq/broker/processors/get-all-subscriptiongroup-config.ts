import { getAllSubscriptiongroupConfig } from '../../protocol/requests/get-all-subscriptiongroup-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeSubscriptionGroupTable } from '../../protocol/subscription-group.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** GET_ALL_SUBSCRIPTIONGROUP_CONFIG: every group's settings, for slaves and tools. 5.4 peers fail without the total. */
export function getAllSubscriptiongroupConfigProcessor({ groups }: BrokerContext): Processor {
  return () => ({
    code: ResponseCode.SUCCESS,
    extFields: getAllSubscriptiongroupConfig.encodeResponse({ totalGroupNum: groups.size }),
    body: encodeSubscriptionGroupTable({
      dataVersion: groups.dataVersion,
      subscriptionGroupTable: new Map([...groups.all()].map((group) => [group.groupName, group])),
    }),
  });
}
