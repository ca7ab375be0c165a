import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { queryConsumerOffset } from '../protocol/requests/query-consumer-offset.ts';
import { updateConsumerOffset } from '../protocol/requests/update-consumer-offset.ts';
import type { MqClient } from './mq-client.ts';
import type { FirstOffset, OffsetStore } from './offset-store.ts';
import { noRouteTo, type RouteCache } from './route-cache.ts';

/** Settles when the broker at that address knows who it is that reports to it, or could not be told. */
export type AnnounceTo = (address: string) => Promise<void>;

interface Report {
  queueOffset: number;
  counts: () => boolean;
  readonly made: Promise<void>;
}

/**
 * What the broker knows of a group's progress in one queue.
 *
 * A member reports as such: on a connection that has just been opened anew, its heartbeat comes first. A stranger's report
 * would be taken for an operator's, who moves the group although it was reset a moment ago.
 *
 * Reports are acknowledged requests, not oneway ones: a report that got lost is made again. One at a time is under way,
 * so that an older one never overwrites a newer one, and of those that wait only the newest is made: a broker that does not
 * answer takes longer for each than the next one takes to come.
 */
export class Progress implements OffsetStore {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #queue: MessageQueue;
  readonly #consumerGroup: string;
  readonly #announceTo: AnnounceTo;
  #knownOffset: number | undefined;
  #acknowledgedOffset: number | undefined;
  #reporting: Promise<void> = Promise.resolve();
  /** Waits for its turn; what is reported meanwhile goes in its place. */
  #due: Report | undefined;

  constructor(
    client: MqClient,
    routes: RouteCache,
    queue: MessageQueue,
    consumerGroup: string,
    announceTo: AnnounceTo = () => Promise.resolve(),
  ) {
    this.#client = client;
    this.#announceTo = announceTo;
    this.#routes = routes;
    this.#queue = queue;
    this.#consumerGroup = consumerGroup;
  }

  /** What the broker told or acknowledged last, which it may have forgotten since. */
  get acknowledgedOffset(): number | undefined {
    return this.#acknowledgedOffset;
  }

  async stored(address: string, signal: AbortSignal): Promise<FirstOffset | undefined> {
    const { topic, queueId } = this.#queue;
    const consumerGroup = this.#consumerGroup;
    try {
      const { header } = await this.#client.call(
        address,
        queryConsumerOffset,
        { consumerGroup, topic, queueId },
        { signal },
      );
      if (header.offset < 0) return undefined;
      // 0 may be what the broker answers for any queue that is young.
      return { queueOffset: header.offset, isStored: header.offset > 0 };
    } catch (error) {
      if (MqError.is(error) && error.code === 'QUERY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** The broker itself said so. */
  isKnown(queueOffset: number): void {
    this.#knownOffset = queueOffset;
    this.#acknowledgedOffset = queueOffset;
  }

  /** The broker may know less than it acknowledged: it stores progress only every few seconds. */
  forget(): void {
    this.#knownOffset = undefined;
  }

  /**
   * Never rejects: a report that fails is logged and is due again. `counts` is asked when the report's turn has come: the
   * queue may have another owner by then.
   */
  report(queueOffset: number, counts: () => boolean = () => true): Promise<void> {
    if (this.#due !== undefined) {
      Object.assign(this.#due, { queueOffset, counts });
      return this.#due.made;
    }
    const made = this.#reporting.then(() => this.#reportDue(report));
    const report: Report = { queueOffset, counts, made };
    this.#due = report;
    this.#reporting = made;
    return made;
  }

  /** As `report`, for somebody who waits for it. Errors: NO_ROUTE; those of the broker. */
  commit(queueOffset: number, counts: () => boolean = () => true): Promise<void> {
    // What is reported from now on comes after this.
    this.#due = undefined;
    const committed = this.#reporting
      .then(() => this.#announce(queueOffset))
      .then(() => (counts() ? this.#tell(queueOffset) : undefined));
    this.#reporting = committed.catch(() => undefined);
    return committed;
  }

  async #reportDue(report: Report): Promise<void> {
    if (this.#due === report) this.#due = undefined;
    const { queueOffset, counts } = report;
    await this.#announce(queueOffset);
    if (!counts()) return;
    try {
      await this.#tell(queueOffset);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      this.#client.settings.logger.debug('a broker did not take a progress report', {
        queue: queueKey(this.#queue),
        queueOffset,
        error: error.message,
      });
    }
  }

  async #announce(queueOffset: number): Promise<void> {
    const address = this.#routes.anyAddress(this.#queue.brokerName);
    if (queueOffset !== this.#knownOffset && address !== undefined) await this.#announceTo(address);
  }

  async #tell(queueOffset: number): Promise<void> {
    if (queueOffset === this.#knownOffset) return;
    const { topic, queueId, brokerName } = this.#queue;
    const address = this.#routes.anyAddress(brokerName);
    if (address === undefined) throw noRouteTo(brokerName);
    await this.#client.call(address, updateConsumerOffset, {
      consumerGroup: this.#consumerGroup,
      topic,
      queueId,
      commitOffset: queueOffset,
    });
    this.isKnown(queueOffset);
  }
}
