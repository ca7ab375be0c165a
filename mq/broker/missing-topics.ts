import type { Clock } from '../clock.ts';
import { MAX_TOPIC_BYTES } from '../protocol/message.ts';
import { isDlqTopic, isRetryTopic } from '../protocol/names.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { ClientChannel } from './client-channel.ts';
import type { Findings } from './findings.ts';

export interface MissingTopicsDeps {
  readonly clock: Clock;
  readonly findings: Findings;
  /** On this broker. */
  readonly hasTopic: (topic: string) => boolean;
  /** On any broker; undefined when nobody can say. */
  readonly isOnAnyBroker: (topic: string) => Promise<boolean | undefined>;
}

/** A topic may be created just after its consumers start: missing counts when it is so at two looks, so far apart. */
const BELIEVED_MISSING_AFTER_MS = 10_000;
const MAX_ASKED_A_HEARTBEAT = 100;
/** Topics that are asked about again; beyond that, those not heard of for longest are forgotten. */
const MAX_TOPICS = 1_000;

interface Look {
  firstMissingMs: number | undefined;
  lastAskedMs: number;
}

/**
 * Notices consumer groups that subscribe to topics that do not exist: mistyped, or never created. They would wait
 * for ever, and nothing else would say so.
 *
 * A dead-letter topic does not count: it is created with the group's first dead letter. A retry topic is the broker's
 * own business.
 */
export class MissingTopics {
  readonly #deps: MissingTopicsDeps;
  /** Those asked about last at the end. */
  readonly #looks = new Map<string, Look>();

  constructor(deps: MissingTopicsDeps) {
    this.#deps = deps;
  }

  /** To be called with each heartbeat of a consumer. Settles when name servers have been asked. */
  async heartbeat(
    group: string,
    channel: ClientChannel,
    clientId: string,
    subscriptions: readonly SubscriptionData[],
  ): Promise<void> {
    const unknown = subscriptions
      .map(({ topic }) => topic)
      .filter((topic) => this.#isUnknown(topic));
    for (const topic of unknown.slice(0, MAX_ASKED_A_HEARTBEAT)) {
      if (!(await this.#isMissing(topic))) continue;
      this.#deps.findings.report({
        kind: 'TOPIC_NOT_EXIST',
        subject: `${group} ${topic}`,
        what: `group ${group} subscribes to topic ${topic}, which no broker has: ${clientId} (${channel.peer})`,
        advice: 'create the topic, or correct its name in the consumer',
        addresses: [channel.peer],
      });
    }
  }

  /** What is longer than any topic's name can be is not kept, either. */
  #isUnknown(topic: string): boolean {
    if (topic.length > MAX_TOPIC_BYTES || isRetryTopic(topic) || isDlqTopic(topic)) return false;
    return !this.#deps.hasTopic(topic);
  }

  async #isMissing(topic: string): Promise<boolean> {
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#looks.get(topic);
    if (known === undefined || nowMs - known.lastAskedMs >= BELIEVED_MISSING_AFTER_MS) {
      const firstMissingMs = known?.firstMissingMs;
      this.#remember(topic, { firstMissingMs, lastAskedMs: nowMs });
      const isThere = await this.#deps.isOnAnyBroker(topic);
      if (isThere === undefined) return false;
      this.#remember(topic, {
        firstMissingMs: isThere ? undefined : (firstMissingMs ?? nowMs),
        lastAskedMs: nowMs,
      });
    }
    const since = this.#looks.get(topic)?.firstMissingMs;
    return since !== undefined && nowMs - since >= BELIEVED_MISSING_AFTER_MS;
  }

  #remember(topic: string, look: Look): void {
    this.#looks.delete(topic);
    this.#looks.set(topic, look);
    const oldest = this.#looks.keys().next();
    if (this.#looks.size > MAX_TOPICS && oldest.done !== true) this.#looks.delete(oldest.value);
  }
}
