import { MqError } from '../../errors.ts';
import {
  decodeHeartbeat,
  type ConsumerData,
  type HeartbeatData,
} from '../../protocol/heartbeat.ts';
import { assertGroupName } from '../../protocol/names.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Connection } from '../../remoting/connection.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import type { ClientIdentity } from '../client-channel.ts';

/** An address, an instance name and a unit are a hundred; it is kept with each group, and in the log. */
const MAX_CLIENT_ID_CHARS = 1_024;

/**
 * Serves HEART_BEAT: makes the client a member of its groups, and each consumer group complete.
 *
 * Order:  the retry topic of every consumer group exists and is registered with the name servers before the reply:
 *         Go consumers ask for its route at once and give up without it.
 * Source: RocketMQ 4.9 ClientManageProcessor.heartBeat.
 */
export function heartBeatProcessor(context: BrokerContext): Processor {
  return (request, connection) => {
    const heartbeat = decodeHeartbeat(request.body);
    if (heartbeat.clientID === '') {
      throw new MqError('INVALID_ARGUMENT', 'HeartbeatData.clientID is empty');
    }
    if (heartbeat.clientID.length > MAX_CLIENT_ID_CHARS) {
      const { length } = heartbeat.clientID;
      throw new MqError(
        'INVALID_ARGUMENT',
        `HeartbeatData.clientID has ${length} characters, the limit is ${MAX_CLIENT_ID_CHARS}`,
      );
    }
    for (const { groupName } of [...heartbeat.producerDataSet, ...heartbeat.consumerDataSet])
      assertGroupName(groupName);
    const { version, language } = request;
    const client = { clientId: heartbeat.clientID, version, language };
    return context.clientChannels.inTurn(connection, () =>
      join(context, connection, client, heartbeat),
    );
  };
}

async function join(
  context: BrokerContext,
  connection: Connection,
  client: ClientIdentity,
  { producerDataSet, consumerDataSet }: HeartbeatData,
): Promise<Reply> {
  const retryTopics = await Promise.allSettled(
    consumerDataSet.map((consumer) => ensureRetryTopic(context, consumer)),
  );
  // Closed meanwhile: nobody would end these memberships.
  if (connection.isOpen) {
    for (const consumer of consumerDataSet) {
      context.consumers.register(connection, client, consumer);
    }
    for (const { groupName } of producerDataSet) {
      context.producers.register(groupName, connection, client);
    }
    context.clientChannels.watch(connection);
    lookForMistakes(context, connection, client, { producerDataSet, consumerDataSet });
  }
  for (const outcome of retryTopics) if (outcome.status === 'rejected') throw outcome.reason;
  return { code: ResponseCode.SUCCESS };
}

function lookForMistakes(
  { sharedClientIds, missingTopics, logger }: BrokerContext,
  connection: Connection,
  { clientId }: ClientIdentity,
  { producerDataSet, consumerDataSet }: Pick<HeartbeatData, 'producerDataSet' | 'consumerDataSet'>,
): void {
  for (const { groupName } of producerDataSet) {
    sharedClientIds.heartbeat('producer', groupName, clientId, connection);
  }
  for (const { groupName, subscriptionDataSet } of consumerDataSet) {
    sharedClientIds.heartbeat('consumer', groupName, clientId, connection);
    // In the background: no heartbeat waits for a name server.
    missingTopics
      .heartbeat(groupName, connection, clientId, subscriptionDataSet)
      .catch((error: unknown) => logger.error('could not look for missing topics', { error }));
  }
}

async function ensureRetryTopic(context: BrokerContext, consumer: ConsumerData): Promise<void> {
  const group = context.groups.get(consumer.groupName);
  if (group === undefined) return;
  await context.topics.ensureRetryTopic(group.groupName, group.retryQueueNums);
}
