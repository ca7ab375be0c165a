import type { RequestOf, ResponseOf } from '../../../mq/protocol/define-request.ts';
import {
  requestCommand,
  type ExtFields,
  type RemotingCommand,
  type SerializeType,
} from '../../../mq/protocol/frame.ts';
import { encodeHeartbeat, type ConsumerData } from '../../../mq/protocol/heartbeat.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { pullMessage } from '../../../mq/protocol/requests/pull-message.ts';
import { unregisterClient } from '../../../mq/protocol/requests/unregister-client.ts';
import {
  SQL92_EXPRESSION,
  tagSubscription,
  type MessageSelector,
  type SubscriptionData,
} from '../../../mq/protocol/subscription.ts';
import { PullSysFlag } from '../../../mq/protocol/sys-flag.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';

const TIMEOUT_MS = 10_000;

export interface ConsumerGroupFields {
  readonly group?: string;
  /** Tag expression by topic, or SQL92, which need not parse. */
  readonly topics?: Readonly<Record<string, MessageSelector>>;
  readonly subVersion?: number;
  readonly messageModel?: ConsumerData['messageModel'];
}

/** A consumer on a connection of its own, as frames: it records the groups it was told have changed. */
export class ConsumerUnderTest {
  readonly clientId: string;
  readonly changedGroups: string[] = [];
  readonly #address: string;
  readonly #client: RemotingClient;

  constructor(address: string, clientId: string, serializeType?: SerializeType) {
    this.#address = address;
    this.clientId = clientId;
    this.#client = new RemotingClient({
      serializeType,
      processors: new Map([
        [
          RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
          (request: RemotingCommand) => {
            this.changedGroups.push(request.extFields?.['consumerGroup'] ?? '');
            return undefined;
          },
        ],
      ]),
    });
  }

  request(
    code: number,
    extFields?: ExtFields,
    options: { body?: Buffer | string; version?: number } = {},
  ): Promise<RemotingCommand> {
    const body = options.body === undefined ? undefined : Buffer.from(options.body);
    const command = requestCommand({ code, extFields, body });
    if (options.version !== undefined) command.version = options.version;
    return this.#client.request(this.#address, command, { timeoutMs: TIMEOUT_MS });
  }

  heartbeat(fields: ConsumerGroupFields = {}): Promise<RemotingCommand> {
    const { group = 'cg', topics = { TopicA: '*' }, subVersion = 1 } = fields;
    const body = encodeHeartbeat({
      clientID: this.clientId,
      producerDataSet: [],
      consumerDataSet: [
        {
          groupName: group,
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: fields.messageModel ?? 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          subscriptionDataSet: Object.entries(topics).map(([topic, expression]) =>
            subscription(topic, expression, subVersion),
          ),
          unitMode: false,
        },
      ],
    });
    return this.request(RequestCode.HEART_BEAT, undefined, { body });
  }

  /** Leaves a group. */
  unregister(group = 'cg'): Promise<RemotingCommand> {
    return this.request(
      unregisterClient.code,
      unregisterClient.encodeRequest({ clientID: this.clientId, consumerGroup: group }),
    );
  }

  /** A pull that does not wait, unless `sysFlag` or `suspendTimeoutMillis` say so. */
  pull(
    fields: Partial<RequestOf<typeof pullMessage>> = {},
    options: { code?: number; version?: number } = {},
  ): Promise<RemotingCommand> {
    const { code = RequestCode.PULL_MESSAGE, ...rest } = options;
    return this.request(
      code,
      pullMessage.encodeRequest({
        consumerGroup: 'cg',
        topic: 'TopicA',
        queueId: 0,
        queueOffset: 0,
        maxMsgNums: 32,
        sysFlag: fields.suspendTimeoutMillis === undefined ? 0 : PullSysFlag.SUSPEND,
        commitOffset: 0,
        suspendTimeoutMillis: 0,
        subVersion: 1,
        expressionType: 'TAG',
        ...fields,
      }),
      rest,
    );
  }

  /** Ends the connection without a word, as a killed process does. */
  close(): Promise<void> {
    return this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export function subscription(
  topic: string,
  selector: MessageSelector,
  subVersion: number,
): SubscriptionData {
  if (typeof selector === 'string') return tagSubscription(topic, selector, subVersion);
  const expression = { subString: selector.sql, expressionType: SQL92_EXPRESSION };
  return { ...tagSubscription(topic, '*', subVersion), ...expression };
}

/** The four fields that must be there whatever the answer. */
export function pullReply(reply: RemotingCommand): ResponseOf<typeof pullMessage> {
  return pullMessage.decodeResponse(reply.extFields);
}
