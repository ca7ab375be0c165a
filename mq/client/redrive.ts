import { MqError } from '../errors.ts';
import { formatHostPort } from '../protocol/host-address.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import { wholeNumber } from './client-options.ts';
import type { BrokerAddress, ClusterView } from './cluster-view.ts';
import type { DeadLetterQueues } from './dead-letter-queues.ts';
import { storeOffset } from './group-offsets.ts';
import { MessageRedrive, type RedriveResult } from './message-redrive.ts';
import type { MqClient } from './mq-client.ts';
import type { QueueStretch } from './queue-reader.ts';

/** Which dead letters; 'all' are those behind the group's progress in its dead-letter queues. */
export type RedriveSelection =
  'all' | { offsetMsgId: string } | { offsetMsgIds: readonly string[] };

export interface RedriveProgress {
  /** How many of `total` have their result. */
  done: number;
  total: number;
  result: RedriveResult;
}

export interface RedriveOptions {
  /** Of 'all', at most so many, the oldest of each queue first. */
  maxCount?: number;
  /** Told after each message. */
  onProgress?: (progress: RedriveProgress) => void;
  /** Stops before the next message; what was not tried then says so. */
  signal?: AbortSignal;
}

/** A message that fails for one of these fails again: those behind it need not wait for it. */
const itsOwnFault: ReadonlySet<string> = new Set(['MESSAGE_CORRUPT', 'MESSAGE_ILLEGAL']);

/** A dead letter that is to be redriven, without its body: there may be many. */
interface Planned {
  readonly offsetMsgId: string;
  readonly msgId: string;
  readonly queueOffset: number;
}

/** The part of a plan that lies in one queue. */
interface QueuePlan {
  readonly stretch: QueueStretch;
  readonly planned: readonly Planned[];
}

/**
 * Sends dead letters back to their consumer group, and to no other.
 *
 * How far 'all' has come is the group's own progress in its `%DLQ%` queues, committed after each message. So it shows
 * like any progress, and a second 'all' sends nothing twice. Between the broker's taking a message and its taking the
 * progress a crash leaves one message that is sent again; a broker that is killed may forget up to its
 * flushConsumerOffsetInterval (5 s) of progress.
 */
export class Redrive {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #queues: DeadLetterQueues;
  readonly #group: string;
  readonly #messages: MessageRedrive;

  constructor(client: MqClient, cluster: ClusterView, queues: DeadLetterQueues, group: string) {
    this.#client = client;
    this.#cluster = cluster;
    this.#queues = queues;
    this.#group = group;
    this.#messages = new MessageRedrive(client, group);
  }

  /** See Admin.redriveDlq. */
  async run(selection: RedriveSelection, options: RedriveOptions): Promise<RedriveResult[]> {
    const ids = selectedIds(selection);
    return ids === 'all' ? this.#all(options) : this.#selected(ids, options);
  }

  async #selected(ids: readonly string[], options: RedriveOptions): Promise<RedriveResult[]> {
    await this.#queues.assertGroup(this.#group);
    const brokers = await this.#cluster.masters();
    const report = new Report(ids.length, options);
    const results = new Map<string, RedriveResult>();
    for (const offsetMsgId of ids) {
      const result =
        results.get(offsetMsgId) ??
        (report.isAborted
          ? notTried({ offsetMsgId }, aborted())
          : await this.#messages.redrive(offsetMsgId, likelyFirst(brokers, offsetMsgId)));
      results.set(offsetMsgId, result);
      report.add(result);
    }
    return report.results;
  }

  async #all(options: RedriveOptions): Promise<RedriveResult[]> {
    const plans = await this.#plan(options.maxCount);
    // A group whose progress is refused would be sent everything again the next time: found out before, not after.
    for (const { stretch } of plans) await this.#commit(stretch, stretch.from);
    const report = new Report(
      plans.reduce((sum, { planned }) => sum + planned.length, 0),
      options,
    );
    for (const plan of plans) await this.#queue(plan, report);
    return report.results;
  }

  /** What there is to be redriven, the oldest of each queue first. Nothing has been sent when this fails. */
  async #plan(maxCount: number | undefined): Promise<QueuePlan[]> {
    let left = maxCount === undefined ? Infinity : wholeNumber('maxCount', maxCount, 1);
    const plans: QueuePlan[] = [];
    for (const stretch of await this.#queues.stretches(this.#group)) {
      const planned: Planned[] = [];
      for await (const { offsetMsgId, msgId, queueOffset } of this.#queues.records(stretch, left)) {
        planned.push({ offsetMsgId, msgId, queueOffset });
      }
      left -= planned.length;
      if (planned.length > 0) plans.push({ stretch, planned });
    }
    return plans;
  }

  /**
   * Stops at a failure that the next message would meet as well; other queues, which are other brokers', go on. What can
   * never be redriven is passed over: it has its result and its id, and holds up nobody.
   */
  async #queue({ stretch, planned }: QueuePlan, report: Report): Promise<void> {
    const broker = { brokerName: stretch.queue.brokerName, address: stretch.address };
    let stoppedBy: MqError | undefined;
    for (const dead of planned) {
      if (report.isAborted) stoppedBy ??= aborted();
      if (stoppedBy !== undefined) {
        report.add(notTried(dead, stoppedBy));
        continue;
      }
      const found = await this.#messages.redrive(dead.offsetMsgId, [broker], dead.msgId);
      // It was read from its queue a moment ago: what cannot be found is what the broker cannot read now.
      const result: RedriveResult =
        found.status === 'NOT_FOUND' ? { ...found, status: 'FAILED' } : found;
      const isHopeless = itsOwnFault.has(result.error?.code ?? 'none');
      if (result.status === 'FAILED' && !isHopeless) stoppedBy = result.error;
      // A copy that the broker put back into the DLQ has taken this one's place there: progress passes over this one.
      const isDone = isHopeless || result.sent !== undefined;
      const refusal = isDone ? await this.#tryToCommit(stretch, dead.queueOffset + 1) : undefined;
      stoppedBy ??= refusal;
      report.add(refusal === undefined ? result : { error: refusal, ...result });
    }
  }

  #commit({ address, queue }: QueueStretch, queueOffset: number): Promise<void> {
    const consumerGroup = this.#group;
    return storeOffset(this.#client, { address, consumerGroup, queue }, queueOffset);
  }

  /** Returns why the progress was not taken. */
  async #tryToCommit(stretch: QueueStretch, queueOffset: number): Promise<MqError | undefined> {
    try {
      await this.#commit(stretch, queueOffset);
      return undefined;
    } catch (error) {
      if (!MqError.is(error)) throw error;
      return new MqError(
        error.code,
        `the broker did not take the progress, so the next redrive of all sends this message again: ${error.message}`,
        { retriable: error.retriable, cause: error },
      );
    }
  }
}

/** The results so far, and who wants to know of each. */
class Report {
  readonly results: RedriveResult[] = [];
  readonly #total: number;
  readonly #options: RedriveOptions;

  constructor(total: number, options: RedriveOptions) {
    this.#total = total;
    this.#options = options;
  }

  get isAborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  add(result: RedriveResult): void {
    this.results.push(result);
    this.#options.onProgress?.({ done: this.results.length, total: this.#total, result });
  }
}

/** Errors: INVALID_ARGUMENT naming what is no selection or no offsetMsgId. */
function selectedIds(selection: RedriveSelection): 'all' | readonly string[] {
  if (selection === 'all') return 'all';
  const { offsetMsgId, offsetMsgIds } = (selection ?? {}) as {
    offsetMsgId?: string;
    offsetMsgIds?: readonly string[];
  };
  const ids = offsetMsgIds ?? (offsetMsgId === undefined ? undefined : [offsetMsgId]);
  if (!Array.isArray(ids)) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(selection)} selects no dead letters: say 'all', { offsetMsgId } or { offsetMsgIds }`,
    );
  }
  const texts = ids.map((id: unknown) => String(id).toUpperCase());
  for (const id of texts) parseOffsetMsgId(id);
  return texts;
}

/** The broker whose address is in the id comes first; it may have another by now, so the others are asked, too. */
function likelyFirst(brokers: readonly BrokerAddress[], offsetMsgId: string): BrokerAddress[] {
  const likely = formatHostPort(parseOffsetMsgId(offsetMsgId).host);
  return brokers.toSorted(
    (left, right) => Number(right.address === likely) - Number(left.address === likely),
  );
}

function aborted(): MqError {
  return new MqError('REQUEST_ABORTED', 'the redrive was aborted by its signal');
}

function notTried(dead: { offsetMsgId: string; msgId?: string }, cause: MqError): RedriveResult {
  const error = new MqError(cause.code, `not tried: ${cause.message}`, {
    retriable: cause.retriable,
    cause,
  });
  return { offsetMsgId: dead.offsetMsgId, msgId: dead.msgId, status: 'FAILED', error };
}
