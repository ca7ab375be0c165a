import { MqError } from '../errors.ts';
import { requestCommand, type ExtFields } from '../protocol/frame.ts';
import type { Reply } from '../remoting/processor.ts';
import type { BrokerContext } from './broker-context.ts';

export interface ConsumerCall {
  readonly code: number;
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly extFields: ExtFields | undefined;
  readonly body?: Buffer | undefined;
}

const ANSWER_MS = 10_000;
/** V3_1_8_SNAPSHOT: older consumers do not answer. */
const FIRST_VERSION_THAT_ANSWERS = 62;

/**
 * Passes a tool's question on to one consumer, and its answer back as it is.
 *
 * Errors: SYSTEM_ERROR when it is not connected, too old, or lost meanwhile; CONSUME_MSG_TIMEOUT when it takes longer than
 *         10 s.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.callConsumer, Broker2Client.callClient.
 */
export async function callConsumer(
  { consumers }: BrokerContext,
  { code, consumerGroup, clientId, extFields, body }: ConsumerCall,
): Promise<Reply> {
  const members = [...(consumers.get(consumerGroup)?.members.values() ?? [])];
  // A client that has just reconnected may be there with both connections: the later one lives.
  const member = members.findLast((each) => each.clientId === clientId);
  if (member === undefined) {
    throw new MqError('SYSTEM_ERROR', `The Consumer <${consumerGroup}> <${clientId}> not online`);
  }
  if (member.version < FIRST_VERSION_THAT_ANSWERS) {
    throw new MqError(
      'SYSTEM_ERROR',
      `The Consumer <${clientId}> Version <${member.version}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT (${FIRST_VERSION_THAT_ANSWERS})`,
    );
  }
  try {
    const command = requestCommand({ code, extFields, body });
    const reply = await member.channel.request(command, { timeoutMs: ANSWER_MS });
    return {
      code: reply.code,
      remark: reply.remark,
      extFields: reply.extFields,
      body: reply.body,
    };
  } catch (cause) {
    if (!MqError.is(cause)) throw cause;
    const isLate = cause.code === 'REQUEST_TIMEOUT';
    throw new MqError(
      isLate ? 'CONSUME_MSG_TIMEOUT' : 'SYSTEM_ERROR',
      `consumer <${consumerGroup}> <${clientId}> ${isLate ? 'Timeout' : 'Exception'}: ${cause.message}`,
      { cause },
    );
  }
}
