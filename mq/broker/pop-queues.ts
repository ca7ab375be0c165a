import { popRetryTopic } from '../protocol/names.ts';
import type { PopSource } from './pop-records.ts';
import type { TopicConfigs } from './topic-configs.ts';

/** The queues one pop may take messages from, in the order to try. */
export interface PoppedQueues {
  readonly normal: readonly PopSource[];
  readonly retry: readonly PopSource[];
}

/** From a random queue on, so that none is served before the others. */
export function poppedQueues(
  topics: Pick<TopicConfigs, 'get'>,
  pop: { readonly consumerGroup: string; readonly topic: string; readonly queueId: number },
  readQueueNums: number,
): PoppedQueues {
  const { consumerGroup, topic, queueId } = pop;
  const retryTopic = popRetryTopic(topic, consumerGroup);
  return {
    normal:
      queueId >= 0
        ? [{ topic, consumerGroup, queueId }]
        : allQueues(topic, consumerGroup, readQueueNums),
    retry: allQueues(retryTopic, consumerGroup, topics.get(retryTopic)?.readQueueNums ?? 0),
  };
}

function allQueues(topic: string, consumerGroup: string, queueNums: number): PopSource[] {
  const first = Math.floor(Math.random() * queueNums);
  return Array.from({ length: queueNums }, (_, index) => ({
    topic,
    consumerGroup,
    queueId: (first + index) % queueNums,
  }));
}

/** Whether this pop looks at redeliveries first: seldom, or a group that fails gets nothing new; the others look at them last. */
export function retryFirst(percent: number): boolean {
  return Math.random() * 100 < percent;
}
