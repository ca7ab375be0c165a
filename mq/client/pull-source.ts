import { MqError } from '../errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/define-request.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { litePullMessage } from '../protocol/requests/lite-pull-message.ts';
import { pullMessage } from '../protocol/requests/pull-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { MASTER_ID } from '../protocol/route.ts';
import { isTagType, type SubscriptionData } from '../protocol/subscription.ts';
import { PullSysFlag } from '../protocol/sys-flag.ts';
import { assertServes } from './expression-check.ts';
import type { MqClient } from './mq-client.ts';
import { noRouteTo, type RouteCache } from './route-cache.ts';

/** How long the broker may hold a pull that finds nothing, and how long we then wait for its answer. */
const HOLD_MS = 15_000;
const LITE_HOLD_MS = 20_000;
const PULL_TIMEOUT_MS = 30_000;

/** What a pull may be answered, besides messages, that is no error. */
export const pullCodes: readonly number[] = [
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.PULL_RETRY_IMMEDIATELY,
  ResponseCode.PULL_OFFSET_MOVED,
];

export interface Pull {
  queueOffset: number;
  /** Progress to be stored on the way, by the master only; 0 for none. */
  commitOffset: number;
  maxMsgNums: number;
  subscription: SubscriptionData;
}

export interface PullReply {
  code: number;
  header: ResponseOf<typeof pullMessage>;
  body: Buffer | undefined;
}

/**
 * Where one queue is pulled from: its master, or the replica that the broker's latest answer suggested.
 *
 * A lite pull carries its subscription, since it may be made without one that brokers know, and no progress. Brokers from
 * before LITE_PULL_MESSAGE are asked by PULL_MESSAGE with a bit that says the same.
 */
export class PullSource {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #queue: MessageQueue;
  readonly #consumerGroup: string;
  readonly #isLite: boolean;
  #definition: typeof pullMessage;
  #suggestedBrokerId = MASTER_ID;

  constructor(
    client: MqClient,
    routes: RouteCache,
    queue: MessageQueue,
    consumerGroup: string,
    isLite = false,
  ) {
    this.#client = client;
    this.#routes = routes;
    this.#queue = queue;
    this.#consumerGroup = consumerGroup;
    this.#isLite = isLite;
    this.#definition = isLite ? litePullMessage : pullMessage;
  }

  /** Forgets what was suggested. */
  askMaster(): void {
    this.#suggestedBrokerId = MASTER_ID;
  }

  /** Errors: NO_ROUTE; VERSION_NOT_SUPPORTED for SQL92 on a broker before 4.1; those of the broker. */
  async pull(pull: Pull, signal: AbortSignal): Promise<PullReply> {
    const address = this.address();
    assertServes(this.#client, address, pull.subscription);
    const values = this.#isLite ? this.#litePull(pull) : this.#pull(pull, address);
    const ask = (): Promise<PullReply> =>
      this.#client.call(address, this.#definition, values, {
        timeoutMs: PULL_TIMEOUT_MS,
        signal,
        accept: pullCodes,
      });
    const reply = await ask().catch((error: unknown) => {
      const isOfOldBroker = MqError.is(error) && error.code === 'REQUEST_CODE_NOT_SUPPORTED';
      if (!isOfOldBroker || this.#definition === pullMessage) throw error;
      this.#definition = pullMessage;
      return ask();
    });
    this.#suggestedBrokerId = reply.header.suggestWhichBrokerId;
    return reply;
  }

  #pull(pull: Pull, address: string): RequestOf<typeof pullMessage> {
    const { topic, queueId, brokerName } = this.#queue;
    const { queueOffset, maxMsgNums, subscription } = pull;
    const isMaster = address === this.#routes.masterAddress(brokerName);
    const commitOffset = isMaster ? pull.commitOffset : 0;
    return {
      consumerGroup: this.#consumerGroup,
      topic,
      queueId,
      queueOffset,
      maxMsgNums,
      sysFlag: PullSysFlag.SUSPEND | (commitOffset > 0 ? PullSysFlag.COMMIT_OFFSET : 0),
      commitOffset,
      suspendTimeoutMillis: HOLD_MS,
      subVersion: subscription.subVersion,
      expressionType: subscription.expressionType,
    };
  }

  #litePull({ queueOffset, maxMsgNums, subscription }: Pull): RequestOf<typeof pullMessage> {
    const { topic, queueId } = this.#queue;
    const isOfTags = isTagType(subscription.expressionType);
    return {
      consumerGroup: this.#consumerGroup,
      topic,
      queueId,
      queueOffset,
      maxMsgNums,
      sysFlag: PullSysFlag.SUSPEND | PullSysFlag.SUBSCRIPTION | PullSysFlag.LITE_PULL,
      commitOffset: 0,
      suspendTimeoutMillis: LITE_HOLD_MS,
      subscription: subscription.subString,
      // Nothing that the broker keeps is meant; of an expression it compiles, it is the key.
      subVersion: isOfTags ? 0 : subscription.subVersion,
      expressionType: subscription.expressionType,
    };
  }

  /** Errors: NO_ROUTE. */
  address(): string {
    const { brokerName } = this.#queue;
    const address =
      this.#routes.broker(brokerName)?.brokerAddrs.get(this.#suggestedBrokerId) ??
      this.#routes.anyAddress(brokerName);
    if (address !== undefined) return address;
    throw noRouteTo(brokerName);
  }
}
