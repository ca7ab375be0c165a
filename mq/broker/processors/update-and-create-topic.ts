import { MqError } from '../../errors.ts';
import type { RemotingCommand } from '../../protocol/frame.ts';
import { isValidTopicName } from '../../protocol/names.ts';
import { updateAndCreateTopic } from '../../protocol/requests/update-and-create-topic.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { Permission } from '../../protocol/sys-flag.ts';
import type { TopicConfig } from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { assertDrained, warnOfUnread } from '../leaving-queues.ts';
import { invalidParameter } from '../refusals.ts';
import { isReservedTopic } from '../topic-configs.ts';

/** The original has no bound; each queue costs files, and BenchmarkTest's 1024 is the most it creates itself. */
const MAX_QUEUES = 4096;
const EVERY_PERMISSION = Permission.READ | Permission.WRITE | Permission.INHERIT;

/** Attributes that ask for nothing this broker does not do anyway, with the values it can honour. */
const honoured: Readonly<Record<string, readonly string[]>> = {
  'message.type': ['NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED', 'UNSPECIFIED'],
  'queue.type': ['SimpleCQ'],
  'cleanup.policy': ['DELETE'],
};

/**
 * UPDATE_AND_CREATE_TOPIC: creates a topic, or gives it new settings, and tells the name servers before answering.
 *
 * Shape:  `order` is stored as given; RocketMQ 4.9.8 ignores it, 5.x does not.
 * Errors: INVALID_PARAMETER naming the field and both numbers; ILLEGAL_OPERATION when consumers would lose a queue that
 *         does not end where `drainedTo` says.
 */
export function updateAndCreateTopicProcessor(context: BrokerContext): Processor {
  const { config, topics } = context;
  return async (request) => {
    const header = updateAndCreateTopic.decodeRequest(request.extFields);
    const { topic, readQueueNums, writeQueueNums, perm } = header;
    if (!isValidTopicName(topic)) {
      throw invalidParameter(
        request,
        `topic name ${JSON.stringify(topic.slice(0, 40))} of ${topic.length} characters is not 1..127 of a-z A-Z 0-9 _ - % |`,
      );
    }
    if (isReservedTopic(topic, config)) {
      throw invalidParameter(request, `the topic[${topic}] is conflict with system topic`);
    }
    checkRange(request, 'readQueueNums', readQueueNums, MAX_QUEUES);
    checkRange(request, 'writeQueueNums', writeQueueNums, MAX_QUEUES);
    checkRange(request, 'perm', perm, EVERY_PERMISSION);
    const existing = topics.get(topic);
    const altered: TopicConfig = {
      topicName: topic,
      readQueueNums,
      writeQueueNums,
      perm,
      topicFilterType: header.topicFilterType === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
      topicSysFlag: header.topicSysFlag ?? 0,
      order: header.order ?? false,
      attributes: alteredAttributes(existing?.attributes ?? {}, header.attributes ?? ''),
    };
    const leaving = { topic, firstId: readQueueNums, endId: existing?.readQueueNums ?? 0 };
    if (header.drainedTo !== undefined) assertDrained(context, leaving, header.drainedTo);
    const updating = topics.update(altered);
    if (header.drainedTo === undefined) warnOfUnread(context, leaving);
    await updating;
    return { code: ResponseCode.SUCCESS };
  };
}

function checkRange(request: RemotingCommand, field: string, value: number, max: number): void {
  if (value >= 0 && value <= max) return;
  throw invalidParameter(request, `${field} ${value} is outside 0..${max}`);
}

/** Applies `+name=value,-name`. */
function alteredAttributes(
  current: Record<string, string>,
  changes: string,
): Record<string, string> {
  const altered = new Map(Object.entries(current));
  for (const change of changes.split(',').filter((part) => part !== '')) {
    const match = /^([+-])([\w.-]+)(?:=(.*))?$/.exec(change);
    const [, sign, name, value] = match ?? [];
    const isLegal =
      name !== undefined &&
      (sign === '-' ? value === undefined : value !== undefined && honoured[name]?.includes(value));
    if (!isLegal) {
      throw new MqError(
        'INVALID_PARAMETER',
        `topic attribute ${JSON.stringify(change)} is not supported by this broker`,
      );
    }
    if (sign === '-') altered.delete(name);
    else altered.set(name, value!);
  }
  return Object.fromEntries(altered);
}
