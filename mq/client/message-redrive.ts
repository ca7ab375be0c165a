import { MqError } from '../errors.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import { bodyCrc, decodeRecord, type MessageExt } from '../protocol/message.ts';
import { dlqTopic, retryTopic } from '../protocol/names.ts';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { viewMessageById } from '../protocol/requests/view-message-by-id.ts';
import type { BrokerAddress } from './cluster-view.ts';
import type { MqClient } from './mq-client.ts';
import { retryCopyHeader } from './retry-copy.ts';
import { sendResult, storedCodes, type SendResult } from './send-result.ts';

/** What became of one dead letter. */
export interface RedriveResult {
  /** That of the dead letter, not of the copy sent. */
  offsetMsgId: string;
  /** As consumers know the message; undefined when it was not found. */
  msgId: string | undefined;
  /**
   * REDRIVEN: the group gets it again. NOT_FOUND: it is no dead letter of the group, and nothing was sent. FAILED: the
   * group does not get it as far as anybody knows; after REQUEST_TIMEOUT or CONNECTION_CLOSED it still may.
   */
  status: 'REDRIVEN' | 'NOT_FOUND' | 'FAILED';
  /** Why not; with REDRIVEN, what could not be made sure of or noted afterwards. */
  error?: MqError;
  /** Where the copy is stored; its status need not be SEND_OK. */
  sent?: SendResult;
}

/** The copy's queue is for the broker to choose: it knows how many its retry topic has. */
const ANY_QUEUE = -1;

/** Sends dead letters of one group back to it, one by one. */
export class MessageRedrive {
  readonly #client: MqClient;
  readonly #group: string;

  constructor(client: MqClient, group: string) {
    this.#client = client;
    this.#group = group;
  }

  /**
   * Looks for one dead letter on these brokers, in turn, and sends it to the retry topic of the one that has it. Its
   * body goes as it is stored, not unpacked. Never rejects but for a defect.
   */
  async redrive(
    offsetMsgId: string,
    brokers: readonly BrokerAddress[],
    knownMsgId?: string,
  ): Promise<RedriveResult> {
    let msgId = knownMsgId;
    let sent: SendResult | undefined;
    try {
      const { record, broker } = await this.#find(offsetMsgId, brokers);
      msgId = record.msgId;
      if (record.topic !== dlqTopic(this.#group)) {
        return notFound(
          offsetMsgId,
          msgId,
          `it is in topic ${record.topic}, not in ${dlqTopic(this.#group)}`,
        );
      }
      assertIntact(record);
      sent = await this.#send(record, broker);
      return await this.#whereItIs({ offsetMsgId, msgId, sent }, broker);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      if (error.code === 'QUERY_NOT_FOUND') return notFound(offsetMsgId, msgId, error.message);
      return { offsetMsgId, msgId, status: 'FAILED', error };
    }
  }

  /** Errors: QUERY_NOT_FOUND when none of the brokers has it; that of a broker that could not be asked, as it might. */
  async #find(
    offsetMsgId: string,
    brokers: readonly BrokerAddress[],
  ): Promise<{ record: MessageExt; broker: BrokerAddress }> {
    let failure: MqError | undefined;
    for (const broker of brokers) {
      try {
        const record = await this.#view(offsetMsgId, broker);
        if (record !== undefined) return { record, broker };
      } catch (error) {
        if (!MqError.is(error)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    throw new MqError(
      'QUERY_NOT_FOUND',
      `no broker has it, in ${dlqTopic(this.#group)} or in another topic`,
    );
  }

  /** The record with this id; undefined when the broker has none there, or another one. */
  async #view(offsetMsgId: string, { address }: BrokerAddress): Promise<MessageExt | undefined> {
    const { commitLogOffset } = parseOffsetMsgId(offsetMsgId);
    try {
      const { body } = await this.#client.call(address, viewMessageById, {
        offset: commitLogOffset,
      });
      const record = body && decodeRecord(body, 0, { verifyCrc: false });
      return record?.offsetMsgId === offsetMsgId ? record : undefined;
    } catch (error) {
      // Brokers have no other way of saying that no message begins there.
      if (MqError.is(error) && error.code === 'SYSTEM_ERROR') return undefined;
      throw error;
    }
  }

  async #send(record: MessageExt, { brokerName, address }: BrokerAddress): Promise<SendResult> {
    const queue = { topic: retryTopic(this.#group), brokerName, queueId: ANY_QUEUE };
    const header = retryCopyHeader(record, {
      consumerGroup: this.#group,
      queue,
      reconsumeTimes: 0,
      maxReconsumeTimes: undefined,
      delayTimeLevel: 0,
    });
    const reply = await this.#client.call(address, sendMessageV2, header, {
      body: record.body,
      accept: storedCodes,
    });
    return sendResult(queue, record.msgId, reply.code, reply.header);
  }

  /**
   * A broker may take a message for the retry topic and put it into the dead-letter queue all the same: 5.x does while
   * the group holds locks of queues, 4.9 when its retryMaxTimes is 0, ours when both are so. Its reply does not say so;
   * the record does.
   */
  async #whereItIs(
    redriven: { offsetMsgId: string; msgId: string; sent: SendResult },
    broker: BrokerAddress,
  ): Promise<RedriveResult> {
    const { sent } = redriven;
    let copy: MessageExt | undefined;
    try {
      copy = await this.#view(sent.offsetMsgId, broker);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      const doubt = new MqError(
        error.code,
        `the broker took the copy ${sent.offsetMsgId}, but could not be asked where it put it: ${error.message}`,
        { retriable: error.retriable, cause: error },
      );
      return { ...redriven, status: 'REDRIVEN', error: doubt };
    }
    if (copy === undefined) {
      const doubt = new MqError(
        'QUERY_NOT_FOUND',
        `the broker took the copy ${sent.offsetMsgId}, but does not find it there`,
      );
      return { ...redriven, status: 'REDRIVEN', error: doubt };
    }
    if (copy.topic !== dlqTopic(this.#group)) return { ...redriven, status: 'REDRIVEN' };
    return {
      ...redriven,
      sent: { ...sent, messageQueue: { ...sent.messageQueue, topic: copy.topic } },
      status: 'FAILED',
      error: new MqError(
        'ILLEGAL_OPERATION',
        `broker ${broker.brokerName} put it back into ${copy.topic} as ${copy.offsetMsgId}: brokers do so while ` +
          `consumers of the group hold locks of ordered queues, some when the group's retryMaxTimes is 0`,
      ),
    };
  }
}

/** Sent again, a broken body would get a CRC that fits it. Errors: MESSAGE_CORRUPT with both. */
function assertIntact(record: MessageExt): void {
  const actual = bodyCrc(record.body);
  if (record.bodyCrc === 0 || actual === record.bodyCrc) return;
  throw new MqError(
    'MESSAGE_CORRUPT',
    `its body is damaged: its CRC ${actual} differs from the record's ${record.bodyCrc}`,
  );
}

function notFound(offsetMsgId: string, msgId: string | undefined, reason: string): RedriveResult {
  const error = new MqError('QUERY_NOT_FOUND', `message ${offsetMsgId}: ${reason}`);
  return { offsetMsgId, msgId, status: 'NOT_FOUND', error };
}
