import type { JsonSource } from './fast-json.ts';
import type { ConsumeFromWhere, ConsumeType, MessageModel } from './heartbeat.ts';
import { encodeJsonBody } from './json-body.ts';
import type { LanguageName } from './language-code.ts';
import { subscriptionJson, type SubscriptionData } from './subscription.ts';

/** One client of a group. */
export interface ClientConnection {
  readonly clientId: string;
  /** host:port as the broker sees it. */
  readonly clientAddr: string;
  readonly language: LanguageName;
  /** MQVersion ordinal. */
  readonly version: number;
}

export interface ConsumerConnections {
  readonly connections: readonly ClientConnection[];
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: ConsumeFromWhere;
  /** By topic. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
}

/** The body of the reply to GET_CONSUMER_CONNECTION_LIST. */
export function encodeConsumerConnections(consumers: ConsumerConnections): Buffer {
  const { consumeFromWhere, consumeType, messageModel, subscriptions } = consumers;
  return encodeJsonBody({
    connectionSet: consumers.connections.map(connectionJson),
    consumeFromWhere,
    consumeType,
    messageModel,
    subscriptionTable: Object.fromEntries(
      Array.from(subscriptions, ([topic, each]) => [topic, subscriptionJson(each)]),
    ),
  });
}

/** The body of the reply to GET_PRODUCER_CONNECTION_LIST. */
export function encodeProducerConnections(connections: readonly ClientConnection[]): Buffer {
  return encodeJsonBody({ connectionSet: connections.map(connectionJson) });
}

function connectionJson({ clientAddr, clientId, language, version }: ClientConnection): JsonSource {
  return { clientAddr, clientId, language, version };
}
