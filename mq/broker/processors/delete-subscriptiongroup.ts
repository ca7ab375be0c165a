import { deleteSubscriptiongroup } from '../../protocol/requests/delete-subscriptiongroup.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { invalidParameter } from '../refusals.ts';
import { isSystemGroup } from '../subscription-groups.ts';

/**
 * DELETE_SUBSCRIPTIONGROUP: forgets a consumer group's settings and, if asked to, where it has come in each queue.
 * Deleting a group that is not there succeeds: tools delete on every broker of a cluster. Members that are still
 * running bring it back with their next heartbeat, unless autoCreateSubscriptionGroup is off.
 *
 * Errors: INVALID_PARAMETER for a group of the broker's own.
 */
export function deleteSubscriptiongroupProcessor(context: BrokerContext): Processor {
  const { groups, offsets } = context;
  return async (request) => {
    const { groupName, cleanOffset, removeOffset } = deleteSubscriptiongroup.decodeRequest(
      request.extFields,
    );
    if (isSystemGroup(groupName)) {
      throw invalidParameter(request, `the group[${groupName}] is the broker's own`);
    }
    const wasKnown = await groups.delete(groupName);
    if (cleanOffset === true || removeOffset === true) {
      offsets.removeGroup(groupName);
      await offsets.persist();
    }
    context.popping.groupDeleted(groupName);
    context.traffic.groupDeleted(groupName);
    await context.requestModes.removeGroup(groupName);
    if (wasKnown) context.logger.info(`consumer group ${groupName} deleted`);
    return { code: ResponseCode.SUCCESS };
  };
}
