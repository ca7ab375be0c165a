import { encodeJsonBody, JsonBody } from './json-body.ts';
import { readSubscription, subscriptionJson, type SubscriptionData } from './subscription.ts';

// In the order of the Java enums: C++ clients send the ordinal.
const consumeTypes = ['CONSUME_ACTIVELY', 'CONSUME_PASSIVELY', 'CONSUME_POP'] as const;
const messageModels = ['BROADCASTING', 'CLUSTERING'] as const;
const consumeFromWheres = [
  'CONSUME_FROM_LAST_OFFSET',
  'CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST',
  'CONSUME_FROM_MIN_OFFSET',
  'CONSUME_FROM_MAX_OFFSET',
  'CONSUME_FROM_FIRST_OFFSET',
  'CONSUME_FROM_TIMESTAMP',
] as const;

/** CONSUME_PASSIVELY is the push consumer, CONSUME_ACTIVELY the pull consumer. */
export type ConsumeType = (typeof consumeTypes)[number];
export type MessageModel = (typeof messageModels)[number];
/** The three that are not LAST_OFFSET, FIRST_OFFSET or TIMESTAMP are deprecated and only carried. */
export type ConsumeFromWhere = (typeof consumeFromWheres)[number];

export interface ProducerData {
  groupName: string;
}

export interface ConsumerData {
  groupName: string;
  consumeType: ConsumeType;
  messageModel: MessageModel;
  consumeFromWhere: ConsumeFromWhere;
  subscriptionDataSet: SubscriptionData[];
  unitMode: boolean;
}

/** The body of HEART_BEAT: who this client is and which groups it belongs to. */
export interface HeartbeatData {
  clientID: string;
  producerDataSet: ProducerData[];
  consumerDataSet: ConsumerData[];
}

export function encodeHeartbeat(heartbeat: HeartbeatData): Buffer {
  return encodeJsonBody({
    clientID: heartbeat.clientID,
    consumerDataSet: heartbeat.consumerDataSet.map((consumer) => ({
      consumeFromWhere: consumer.consumeFromWhere,
      consumeType: consumer.consumeType,
      groupName: consumer.groupName,
      messageModel: consumer.messageModel,
      subscriptionDataSet: consumer.subscriptionDataSet.map(subscriptionJson),
      unitMode: consumer.unitMode,
    })),
    producerDataSet: heartbeat.producerDataSet.map(({ groupName }) => ({ groupName })),
  });
}

/**
 * Reads the heartbeat of any client: enums by name or by ordinal, sets that are left out, values of enums
 * that a newer client has added (they read as the usual one, because a heartbeat must not be refused).
 *
 * Errors: INVALID_ARGUMENT naming the field, for what identifies a client or a group.
 */
export function decodeHeartbeat(body: Buffer | undefined): HeartbeatData {
  const json = JsonBody.parse(body, 'HeartbeatData');
  return {
    clientID: json.string('clientID'),
    producerDataSet: json
      .objects('producerDataSet')
      .map((producer) => ({ groupName: producer.string('groupName') })),
    consumerDataSet: json.objects('consumerDataSet').map((consumer) => ({
      groupName: consumer.string('groupName'),
      consumeType: readEnum(consumer, 'consumeType', consumeTypes, 'CONSUME_PASSIVELY'),
      messageModel: readEnum(consumer, 'messageModel', messageModels, 'CLUSTERING'),
      consumeFromWhere: readEnum(
        consumer,
        'consumeFromWhere',
        consumeFromWheres,
        'CONSUME_FROM_LAST_OFFSET',
      ),
      subscriptionDataSet: consumer.objects('subscriptionDataSet').map(readSubscription),
      unitMode: consumer.boolean('unitMode', false),
    })),
  };
}

function readEnum<T extends string>(
  json: JsonBody,
  name: string,
  values: readonly T[],
  fallback: T,
): T {
  const text = json.optionalString(name);
  if (text === undefined) return fallback;
  return values.find((value) => value === text) ?? values[Number(text)] ?? fallback;
}
