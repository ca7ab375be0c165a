import type { Broker } from '../broker/broker.ts';
import { matchesTags } from '../client/fetched-messages.ts';
import { MqError } from '../errors.ts';
import { decodeConsumerStatus } from '../protocol/consumer-status.ts';
import { requestCommand } from '../protocol/frame.ts';
import { getConsumerStatusFromClient } from '../protocol/requests/get-consumer-status-from-client.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Connection } from '../remoting/connection.ts';
import { queueIdsOf, readQueue } from './stored-messages.ts';

/** For a consumer to say how far it has come; one that does not answer is taken at its last report. */
const ANSWER_TIMEOUT_MS = 1_000;

/**
 * How many messages of a topic a consumer group has not consumed: stored before the call, with tags or
 * properties that the group wants, and neither finished by a listener nor handed back to the broker.
 *
 * The consumers that are connected are asked; consumers report their progress only every few seconds. Where none has
 * a queue, what the group reported last counts, and for a group that never reported, everything stored.
 */
export async function lagOf(broker: Broker, group: string, topic: string): Promise<number> {
  const { store, context } = broker;
  const queueIds = queueIdsOf(store, topic);
  const ends = queueIds.map((queueId) => store.maxOffset(topic, queueId));
  if (ends.every((end) => end === 0)) return 0;
  const consumed = await askConsumers(broker, group, topic);
  const subscription = context.consumers.get(group)?.subscriptions.get(topic);
  const counts = queueIds.map(async (queueId, index) => {
    const first = store.minOffset(topic, queueId);
    const from = consumed.get(queueId) ?? context.offsets.query(group, topic, queueId) ?? first;
    const end = ends[index]!;
    const filter = context.consumerFilters.get(group, topic)?.filter;
    const isOfAll = subscription === undefined || subscription.tagsSet.length === 0;
    if (isOfAll && filter === undefined) return Math.max(0, end - Math.max(first, from));
    const records = await readQueue(store, { topic, queueId }, Math.max(first, from), end);
    return records.filter(
      (record) =>
        (filter === undefined || filter.matches(record.properties)) &&
        (isOfAll || matchesTags(record, subscription)),
    ).length;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** By queueId, how far the group's connected consumers have come. */
async function askConsumers(
  { context }: Broker,
  group: string,
  topic: string,
): Promise<Map<number, number>> {
  const members = context.consumers.get(group)?.members;
  const connections = [...context.connections()].filter((each) => members?.has(each));
  const answers = await Promise.all(
    connections.map((connection) => askConsumer(connection, group, topic)),
  );
  const offsets = new Map<number, number>();
  for (const [{ brokerName, queueId }, queueOffset] of answers.flatMap((answer) => [...answer])) {
    if (brokerName !== context.config.brokerName) continue;
    // Two that claim a queue while it changes hands: what one of them has not done is not done.
    offsets.set(queueId, Math.min(queueOffset, offsets.get(queueId) ?? Infinity));
  }
  return offsets;
}

/** Empty when the consumer cannot say: it is leaving, or it is of a kind that is never asked. */
async function askConsumer(
  connection: Connection,
  group: string,
  topic: string,
): Promise<ReturnType<typeof decodeConsumerStatus>> {
  const command = requestCommand({
    code: getConsumerStatusFromClient.code,
    extFields: getConsumerStatusFromClient.encodeRequest({ group, topic }),
  });
  try {
    const reply = await connection.request(command, { timeoutMs: ANSWER_TIMEOUT_MS });
    if (reply.code === ResponseCode.SUCCESS) return decodeConsumerStatus(reply.body);
  } catch (error) {
    if (!MqError.is(error)) throw error;
  }
  return new Map();
}
