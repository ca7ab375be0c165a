import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { poppedTopic } from '../protocol/names.ts';
import { readRecordHeader } from '../protocol/message.ts';
import type { AppendMessage, MessageStore } from '../store/message-store.ts';
import { redelivered } from './pop-copies.ts';
import type { Invisible } from './pop-queue.ts';
import { isHopeless } from './stored-records.ts';
import type { SubscriptionGroups } from './subscription-groups.ts';
import type { TopicConfigs } from './topic-configs.ts';

export interface PopRevivalDeps {
  readonly store: Pick<MessageStore, 'get'>;
  readonly topics: Pick<TopicConfigs, 'get' | 'ensurePopRetryTopic' | 'ensureDlqTopic'>;
  readonly groups: Pick<SubscriptionGroups, 'find'>;
  readonly storeHost: () => HostAddress;
  readonly logger: Logger;
}

/**
 * Makes of a popped message that was not acknowledged in time what comes again: a copy for the retry topic, after the
 * group's retryMaxTimes one for its DLQ.
 *
 * The original knows no DLQ here: its clients acknowledge what they have had too often.
 */
export class PopRevival {
  readonly #deps: PopRevivalDeps;

  constructor(deps: PopRevivalDeps) {
    this.#deps = deps;
  }

  /**
   * Undefined when it cannot come again: its topic or group was deleted, retention has removed it, or it is damaged.
   *
   * Errors: what the disk says, when it is to be tried again.
   */
  async copyOf({ queue, queueOffset, popTime }: Invisible): Promise<AppendMessage | undefined> {
    const { topics, groups, logger } = this.#deps;
    const { source } = queue;
    const topic = poppedTopic(source.topic, source.consumerGroup);
    const group = groups.find(source.consumerGroup);
    const details = { ...source, queueOffset };
    if (topics.get(topic) === undefined || group === undefined) {
      logger.warn('a popped message does not come again: its topic or group was deleted', details);
      return undefined;
    }
    try {
      const record = await this.#read(queue.source, queueOffset);
      if (record === undefined) {
        logger.warn('a popped message does not come again: the store has it no more', details);
        return undefined;
      }
      const { bodyAt } = readRecordHeader(record);
      const reconsumeTimes = record.readInt32BE(bodyAt - 16);
      const isGivenUp = reconsumeTimes >= group.retryMaxTimes;
      const target = isGivenUp
        ? await topics.ensureDlqTopic(group.groupName)
        : await topics.ensurePopRetryTopic(topic, group.groupName);
      return redelivered(record, { topic, target, popTime, storeHost: this.#deps.storeHost() });
    } catch (cause) {
      if (!isHopeless(cause)) throw cause;
      logger.error('a popped message cannot be stored again and is given up', {
        ...details,
        cause,
      });
      return undefined;
    }
  }

  async #read(
    { topic, queueId }: { topic: string; queueId: number },
    queueOffset: number,
  ): Promise<Buffer | undefined> {
    const at = { topic, queueId, queueOffset, maxCount: 1, maxBytes: 1 };
    const { status, buffers } = await this.#deps.store.get(at);
    const [record] = buffers;
    if (status !== 'FOUND' || record === undefined) return undefined;
    return readRecordHeader(record).queueOffset === queueOffset ? record : undefined;
  }
}
