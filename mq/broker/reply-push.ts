import { MqError } from '../errors.ts';
import { requestCommand } from '../protocol/frame.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import { appendProperty, findProperty, PropertyKey } from '../protocol/properties.ts';
import { pushReplyMessageToClient } from '../protocol/requests/push-reply-message-to-client.ts';
import type { sendReplyMessage } from '../protocol/requests/send-reply-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Clock } from '../clock.ts';
import type { ClientChannel } from './client-channel.ts';
import type { ProducerManager } from './producer-manager.ts';

/** For the requester to say that it has the reply. */
const PUSH_TIMEOUT_MS = 10_000;
/** Replies on their way to one requester: it does not read them any faster when more are added. */
const MAX_UNANSWERED = { count: 1_024, bytes: 32 * 1024 * 1024 } as const;

export interface ReplyPushDeps {
  readonly producers: Pick<ProducerManager, 'find'>;
  /** Asked for each reply: a broker that listens on any free port knows it late. */
  readonly advertised: () => HostAddress;
  readonly clock: Clock;
}

export interface Reply {
  readonly header: RequestOf<typeof sendReplyMessage>;
  readonly body: Buffer;
  readonly bornHost: HostAddress;
}

/**
 * Hands replies to the clients that wait for them, on the connections they have opened.
 *
 * Source: RocketMQ 5.3 ReplyMessageProcessor.pushReplyMessage.
 */
export class ReplyPush {
  readonly #deps: ReplyPushDeps;
  readonly #unanswered = new WeakMap<ClientChannel, { count: number; bytes: number }>();

  constructor(deps: ReplyPushDeps) {
    this.#deps = deps;
  }

  /** Settles when the requester has the reply. Errors: SYSTEM_ERROR saying why it has not. */
  async push({ header, body, bornHost }: Reply): Promise<void> {
    const { producers, clock, advertised } = this.#deps;
    const given = header.properties ?? '';
    const clientId = findProperty(given, PropertyKey.REPLY_TO_CLIENT);
    if (clientId === undefined) {
      throw failed(`reply message properties[${PropertyKey.REPLY_TO_CLIENT}] is null`);
    }
    const channel = producers.find(clientId);
    if (channel === undefined) {
      throw failed(`push reply message fail, channel of <${clientId}> not found.`);
    }
    const now = clock.now();
    const command = requestCommand({
      code: pushReplyMessageToClient.code,
      extFields: pushReplyMessageToClient.encodeRequest({
        producerGroup: header.producerGroup,
        topic: header.topic,
        defaultTopic: header.defaultTopic,
        defaultTopicQueueNums: header.defaultTopicQueueNums,
        queueId: header.queueId,
        sysFlag: header.sysFlag,
        bornTimestamp: header.bornTimestamp,
        flag: header.flag,
        properties: appendProperty(given, PropertyKey.PUSH_REPLY_TIME, String(now)),
        reconsumeTimes: header.reconsumeTimes ?? 0,
        unitMode: header.unitMode ?? false,
        bornHost: formatHostPort(bornHost),
        storeHost: formatHostPort(advertised()),
        storeTimestamp: now,
      }),
      body,
    });
    await this.#counted(channel, clientId, body.length, async () => {
      const answer = await channel.request(command, { timeoutMs: PUSH_TIMEOUT_MS });
      if (answer.code === ResponseCode.SUCCESS) return;
      throw failed(
        `push reply message to ${clientId} fail: it answered ${answer.code}, ${answer.remark ?? 'without a remark'}`,
      );
    });
  }

  async #counted(
    channel: ClientChannel,
    clientId: string,
    bytes: number,
    work: () => Promise<void>,
  ): Promise<void> {
    const open = this.#unanswered.get(channel) ?? { count: 0, bytes: 0 };
    this.#unanswered.set(channel, open);
    if (open.count >= MAX_UNANSWERED.count || open.bytes >= MAX_UNANSWERED.bytes) {
      throw failed(
        `push reply message to ${clientId} fail: it has not answered ${open.count} replies of ${open.bytes} bytes, ` +
          `the limits are ${MAX_UNANSWERED.count} and ${MAX_UNANSWERED.bytes}`,
      );
    }
    open.count++;
    open.bytes += bytes;
    try {
      await work();
    } catch (cause) {
      if (MqError.is(cause) && cause.code === 'SYSTEM_ERROR') throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw failed(`push reply message to ${clientId} fail: ${reason}`, cause);
    } finally {
      open.count--;
      open.bytes -= bytes;
    }
  }
}

function failed(remark: string, cause?: unknown): MqError {
  return new MqError('SYSTEM_ERROR', remark, { retriable: true, cause });
}
