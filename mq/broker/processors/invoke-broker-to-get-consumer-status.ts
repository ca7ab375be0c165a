import { MqError } from '../../errors.ts';
import { decodeConsumerStatus, encodeStatusOfConsumers } from '../../protocol/consumer-status.ts';
import { requestCommand } from '../../protocol/frame.ts';
import type { MessageQueue } from '../../protocol/message-queue.ts';
import { getConsumerStatusFromClient } from '../../protocol/requests/get-consumer-status-from-client.ts';
import { invokeBrokerToGetConsumerStatus } from '../../protocol/requests/invoke-broker-to-get-consumer-status.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import type { GroupMember } from '../client-channel.ts';

const ANSWER_MS = 5_000;

/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS: asks the members of a group how far they have come, all at once. Who does not answer in
 * time, or does not know the question, is left out.
 *
 * Errors: SYSTEM_ERROR when no member is connected, or not the one that is asked for.
 * Source: RocketMQ 5.3 Broker2Client.getConsumeStatus.
 */
export function invokeBrokerToGetConsumerStatusProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const wanted = invokeBrokerToGetConsumerStatus.decodeRequest(request.extFields);
    const { group, topic, clientAddr = '' } = wanted;
    const members = [...(context.consumers.get(group)?.members.values() ?? [])].filter(
      ({ clientId }) => clientAddr === '' || clientId === clientAddr,
    );
    if (members.length === 0) {
      const whom = clientAddr === '' ? 'Any Consumer' : `consumer ${clientAddr}`;
      throw new MqError('SYSTEM_ERROR', `No ${whom} online in the consumer group: [${group}]`);
    }
    const answers = await Promise.all(
      members.map((member) => statusOf(context, member, topic, group)),
    );
    const status = new Map<string, ReadonlyMap<MessageQueue, number>>();
    for (const [index, offsets] of answers.entries()) {
      if (offsets !== undefined) status.set(members[index]!.clientId, offsets);
    }
    return { code: ResponseCode.SUCCESS, body: encodeStatusOfConsumers(status) };
  };
}

async function statusOf(
  { logger }: BrokerContext,
  { channel, clientId }: GroupMember,
  topic: string,
  group: string,
): Promise<ReadonlyMap<MessageQueue, number> | undefined> {
  const command = requestCommand({
    code: getConsumerStatusFromClient.code,
    extFields: getConsumerStatusFromClient.encodeRequest({ topic, group }),
  });
  try {
    const reply = await channel.request(command, { timeoutMs: ANSWER_MS });
    if (reply.code === ResponseCode.SUCCESS) return decodeConsumerStatus(reply.body);
    logger.warn('a consumer does not say how far it has come', {
      group,
      clientId,
      code: reply.code,
      remark: reply.remark,
    });
  } catch (cause) {
    if (!MqError.is(cause)) throw cause;
    logger.warn('a consumer does not say how far it has come', { group, clientId, cause });
  }
  return undefined;
}
