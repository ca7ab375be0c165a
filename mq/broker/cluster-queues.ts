import type { Clock } from '../clock.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import { Permission } from '../protocol/sys-flag.ts';
import type { TopicConfigs } from './topic-configs.ts';

export interface ClusterQueuesDeps {
  readonly topics: Pick<TopicConfigs, 'get'>;
  readonly brokerName: string;
  /** What a name server says of a topic; 'unknown' when none answers. */
  readonly routeOf: (topic: string) => Promise<TopicRouteData | 'unknown' | undefined>;
  readonly clock: Clock;
}

/** As long as clients believe a route. */
const BELIEVED_MS = 30_000;
/** A topic that some members have just learnt of must not stay unknown to others for long. */
const UNKNOWN_MS = 1_000;
const MAX_TOPICS = 10_000;

interface Known {
  readonly queues: Promise<readonly MessageQueue[] | undefined>;
  untilMs: number;
}

/**
 * The readable queues of a topic on all brokers, as members of a group see them in its route. Without a name server that
 * answers, those of this broker, or what was known before.
 */
export function clusterQueues(
  deps: ClusterQueuesDeps,
): (topic: string) => Promise<readonly MessageQueue[] | undefined> {
  const known = new Map<string, Known>();

  return (topic) => {
    const nowMs = deps.clock.monotonicMs();
    const before = known.get(topic);
    if (before !== undefined && before.untilMs > nowMs) return before.queues;
    const entry: Known = { queues: find(topic, before?.queues), untilMs: nowMs + BELIEVED_MS };
    known.delete(topic);
    known.set(topic, entry);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_TOPICS) break;
      known.delete(oldest);
    }
    return entry.queues;

    async function find(
      name: string,
      earlier: Known['queues'] | undefined,
    ): Promise<readonly MessageQueue[] | undefined> {
      const route = await deps.routeOf(name);
      if (typeof route === 'object') return queuesOf(name, route);
      entry.untilMs = Math.min(entry.untilMs, nowMs + UNKNOWN_MS);
      if (route === 'unknown' && earlier !== undefined) return earlier;
      return ownQueues(name);
    }
  };

  function ownQueues(topic: string): MessageQueue[] | undefined {
    const config = deps.topics.get(topic);
    if (config === undefined) return undefined;
    const { brokerName } = deps;
    return Array.from({ length: config.readQueueNums }, (_, queueId) => ({
      topic,
      brokerName,
      queueId,
    }));
  }
}

function queuesOf(topic: string, { queueDatas }: TopicRouteData): MessageQueue[] {
  return queueDatas
    .filter(({ perm }) => (perm & Permission.READ) !== 0)
    .flatMap(({ brokerName, readQueueNums }) =>
      Array.from({ length: readQueueNums }, (_, queueId) => ({ topic, brokerName, queueId })),
    );
}
