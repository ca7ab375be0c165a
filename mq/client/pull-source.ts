import { MqError } from '../errors.ts';
import type { ResponseOf } from '../protocol/define-request.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { pullMessage } from '../protocol/requests/pull-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { MASTER_ID } from '../protocol/route.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import { PullSysFlag } from '../protocol/sys-flag.ts';
import type { MqClient } from './mq-client.ts';
import type { RouteCache } from './route-cache.ts';

/** How long the broker may hold a pull that finds nothing, and how long we then wait for its answer. */
const HOLD_MS = 15_000;
const PULL_TIMEOUT_MS = 30_000;

const pullCodes = [
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

/** Where one queue is pulled from: its master, or the replica that the broker's latest answer suggested. */
export class PullSource {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #queue: MessageQueue;
  readonly #consumerGroup: string;
  #suggestedBrokerId = MASTER_ID;

  constructor(client: MqClient, routes: RouteCache, queue: MessageQueue, consumerGroup: string) {
    this.#client = client;
    this.#routes = routes;
    this.#queue = queue;
    this.#consumerGroup = consumerGroup;
  }

  /** Forgets what was suggested. */
  askMaster(): void {
    this.#suggestedBrokerId = MASTER_ID;
  }

  /** Errors: NO_ROUTE; those of the broker. */
  async pull(pull: Pull, signal: AbortSignal): Promise<PullReply> {
    const { topic, queueId, brokerName } = this.#queue;
    const { queueOffset, maxMsgNums, subscription } = pull;
    const address = this.address();
    const isMaster = address === this.#routes.masterAddress(brokerName);
    const commitOffset = isMaster ? pull.commitOffset : 0;
    const reply = await this.#client.call(
      address,
      pullMessage,
      {
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
      },
      { timeoutMs: PULL_TIMEOUT_MS, signal, accept: pullCodes },
    );
    this.#suggestedBrokerId = reply.header.suggestWhichBrokerId;
    return reply;
  }

  /** Errors: NO_ROUTE. */
  address(): string {
    const { brokerName } = this.#queue;
    const address =
      this.#routes.broker(brokerName)?.brokerAddrs.get(this.#suggestedBrokerId) ??
      this.#routes.anyAddress(brokerName);
    if (address !== undefined) return address;
    throw new MqError('NO_ROUTE', `broker ${brokerName} is in no route`, {
      retriable: true,
      details: { brokerName },
    });
  }
}
