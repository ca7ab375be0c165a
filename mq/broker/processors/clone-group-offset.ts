import { assertGroupName } from '../../protocol/names.ts';
import { cloneGroupOffset } from '../../protocol/requests/clone-group-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { assertNotOwnGroup } from '../own-groups.ts';

/**
 * CLONE_GROUP_OFFSET: a group is to resume where another one has come. A topic that does not exist any more is passed over.
 * Members of the group that run are moved as by a reset.
 *
 * Order:  settles when the new places are on disk.
 * Errors: NO_PERMISSION for a group of the broker's own.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.cloneGroupOffset.
 */
export function cloneGroupOffsetProcessor(context: BrokerContext): Processor {
  const { consumers, offsets, resets, topics } = context;
  return async (request) => {
    const wanted = cloneGroupOffset.decodeRequest(request.extFields);
    const { srcGroup, destGroup, topic, offline } = wanted;
    assertGroupName(destGroup);
    assertNotOwnGroup(destGroup);
    const subscriptions = consumers.get(srcGroup)?.subscriptions;
    const chosen = topic === undefined || topic === '' ? offsets.topicsOf(srcGroup) : [topic];
    for (const each of chosen) {
      const isLeft = offline !== true && subscriptions !== undefined && !subscriptions.has(each);
      if (isLeft || topics.get(each) === undefined) continue;
      await resets.assign({
        group: destGroup,
        topic: each,
        timestampMs: -1,
        isForced: true,
        targets: offsets.progress(srcGroup, each),
      });
    }
    return { code: ResponseCode.SUCCESS };
  };
}
