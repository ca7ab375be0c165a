import { MqError } from '../../errors.ts';
import { changeMessageInvisibletime } from '../../protocol/requests/change-message-invisibletime.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { namedPop } from '../named-pop.ts';
import { invalidParameter } from '../refusals.ts';

/**
 * CHANGE_MESSAGE_INVISIBLETIME.
 *
 * One that comes too late is refused with NO_MESSAGE: the original answers with a handle for a message that has come
 * again, and lets it come once more.
 */
export function changeMessageInvisibletimeProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const change = changeMessageInvisibletime.decodeRequest(request.extFields);
    const { name, isOrdered, reviveQid } = namedPop(context, change);
    const { invisibleTime, offset } = change;
    const mostMs = context.config.timerMaxDelaySec * 1000;
    if (invisibleTime < 0 || invisibleTime > mostMs) {
      throw invalidParameter(
        request,
        `invisibleTime is ${invisibleTime} ms, not in 0..${mostMs} (timerMaxDelaySec)`,
      );
    }
    if (!isOrdered) {
      const changed = await context.popping.pops.changeInvisibleTime(name, offset, invisibleTime);
      return {
        code: ResponseCode.SUCCESS,
        extFields: changeMessageInvisibletime.encodeResponse({ ...changed, invisibleTime }),
      };
    }
    const { popTime } = name;
    if (!context.popping.popOrder.changeInvisibleTime(name, offset, popTime, invisibleTime)) {
      throw new MqError(
        'NO_MESSAGE',
        `message ${offset} of ${name.topic} queue ${name.queueId} is not popped in order since ${popTime}`,
      );
    }
    return {
      code: ResponseCode.SUCCESS,
      // The handle stays the same; its time counts from the pop.
      extFields: changeMessageInvisibletime.encodeResponse({
        popTime,
        invisibleTime: Math.max(0, context.clock.now() + invisibleTime - popTime),
        reviveQid,
      }),
    };
  };
}
