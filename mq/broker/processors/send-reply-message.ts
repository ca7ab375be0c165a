import { MqError } from '../../errors.ts';
import type { RequestOf } from '../../protocol/define-request.ts';
import type { RemotingCommand } from '../../protocol/frame.ts';
import { isClosedToProducers } from '../../protocol/names.ts';
import { RequestCode } from '../../protocol/request-code.ts';
import { sendReplyMessage } from '../../protocol/requests/send-reply-message.ts';
import { sendReplyMessageV2 } from '../../protocol/requests/send-reply-message-v2.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Connection } from '../../remoting/connection.ts';
import { awaitable, type Processor, type Reply } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { ReplyPush } from '../reply-push.ts';
import { topicNotExist } from '../refusals.ts';

const NO_BODY = Buffer.alloc(0);

/**
 * SEND_REPLY_MESSAGE (324), SEND_REPLY_MESSAGE_V2 (325): pushes a reply to the client that waits for it, and stores it.
 *
 * Shape:  the answer tells whether the requester has the reply; where that is stored, if it is.
 * Errors: SYSTEM_ERROR when the requester has not got it; TOPIC_NOT_EXIST, NO_PERMISSION, MESSAGE_ILLEGAL before that.
 *         A reply that arrived and cannot be stored is a success: it has done what it was sent for.
 * Source: RocketMQ 5.3 ReplyMessageProcessor.java.
 */
export function sendReplyMessageProcessor(context: BrokerContext, send: Processor): Processor {
  const { config, logger, peerClock, producers, topics } = context;
  const push = new ReplyPush({
    advertised: () => context.advertised,
    clock: peerClock,
    producers,
  });

  return async (request, connection) => {
    const definition =
      request.code === RequestCode.SEND_REPLY_MESSAGE ? sendReplyMessage : sendReplyMessageV2;
    const header = definition.decodeRequest(request.extFields);
    const body = request.body ?? NO_BODY;
    check(header, body);
    const pushed = push.push({ header, body, bornHost: connection.remote });
    const [outcome] = await Promise.allSettled([pushed]);
    const stored = config.storeReplyMessageEnable ? await store(request, connection) : undefined;
    if (outcome.status === 'rejected') throw outcome.reason;
    return {
      code: ResponseCode.SUCCESS,
      extFields: stored?.extFields ?? notStored(Math.max(0, header.queueId)),
    };
  };

  function check({ topic }: RequestOf<typeof sendReplyMessage>, body: Buffer): void {
    if (isClosedToProducers(topic)) {
      throw new MqError('NO_PERMISSION', `topic[${topic}] is the broker's own`);
    }
    if (topics.get(topic) === undefined) throw topicNotExist(topic, config.autoCreateTopicEnable);
    if (body.length <= config.maxMessageSize) return;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `reply body of ${body.length} bytes exceeds maxMessageSize ${config.maxMessageSize}`,
      { details: { bodyBytes: body.length, maxMessageSize: config.maxMessageSize } },
    );
  }

  async function store(
    request: RemotingCommand,
    connection: Connection,
  ): Promise<Reply | undefined> {
    const code =
      request.code === RequestCode.SEND_REPLY_MESSAGE
        ? RequestCode.SEND_MESSAGE
        : RequestCode.SEND_MESSAGE_V2;
    try {
      return await awaitable(send({ ...request, code }, connection));
    } catch (error) {
      logger.warn('a reply could not be stored', { peer: connection.peer, error });
      return undefined;
    }
  }

  /** All that clients need to find in an answer. */
  function notStored(queueId: number): Reply['extFields'] {
    return sendReplyMessage.encodeResponse({
      msgId: '0',
      queueId,
      queueOffset: 0,
      MSG_REGION: config.regionId,
      TRACE_ON: String(config.traceOn),
    });
  }
}
