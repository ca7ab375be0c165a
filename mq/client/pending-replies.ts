import { MqError } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import { parseHostPort, type HostAddress } from '../protocol/host-address.ts';
import { bodyCrc } from '../protocol/message.ts';
import { decodeProperties, PropertyKey } from '../protocol/properties.ts';
import { pushReplyMessageToClient } from '../protocol/requests/push-reply-message-to-client.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Connection } from '../remoting/connection.ts';
import type { Reply } from '../remoting/processor.ts';
import { decompressBody } from './compression.ts';
import { ConsumedMessage } from './consumed-message.ts';

export interface PendingRepliesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Largest body of a reply, unpacked. */
  readonly maxBodyBytes: number;
}

interface Waiter {
  readonly resolve: (reply: ConsumedMessage) => void;
  readonly reject: (error: unknown) => void;
}

/** The requests whose replies have not come yet. A reply that nobody waits for, late or a second one, is dropped. */
export class PendingReplies {
  readonly #options: PendingRepliesOptions;
  readonly #waiters = new Map<string, Waiter>();

  constructor(options: PendingRepliesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** The reply, when it comes. Who stops waiting says so by `forget`. Errors: MESSAGE_CORRUPT for one that cannot be unpacked. */
  expect(correlationId: string): Promise<ConsumedMessage> {
    return new Promise((resolve, reject) => this.#waiters.set(correlationId, { resolve, reject }));
  }

  forget(correlationId: string): void {
    this.#waiters.delete(correlationId);
  }

  /** Serves PUSH_REPLY_MESSAGE_TO_CLIENT. Errors: INVALID_ARGUMENT, MESSAGE_CORRUPT, for the broker to hear. */
  async take(request: RemotingCommand, connection: Connection): Promise<Reply> {
    const header = pushReplyMessageToClient.decodeRequest(request.extFields);
    const properties = decodeProperties(header.properties ?? '');
    const correlationId = properties.get(PropertyKey.CORRELATION_ID) ?? '';
    const waiter = this.#waiters.get(correlationId);
    if (waiter === undefined) {
      const { peer } = connection;
      this.#options.logger.debug('dropped a reply nobody waits for', { peer, correlationId });
      return { code: ResponseCode.SUCCESS };
    }
    this.#waiters.delete(correlationId);
    try {
      waiter.resolve(await this.#message(header, request.body ?? Buffer.alloc(0), connection));
    } catch (error) {
      waiter.reject(error);
      throw error;
    }
    return { code: ResponseCode.SUCCESS };
  }

  /** A reply is nowhere in a queue for sure, so it has no offsets. */
  async #message(
    header: RequestOf<typeof pushReplyMessageToClient>,
    packed: Buffer,
    connection: Connection,
  ): Promise<ConsumedMessage> {
    const { clock, maxBodyBytes } = this.#options;
    const body = await decompressBody(packed, header.sysFlag, maxBodyBytes);
    const properties = decodeProperties(header.properties ?? '');
    properties.set(PropertyKey.ARRIVE_TIME, String(clock.now()));
    const record = {
      topic: header.topic,
      queueId: header.queueId,
      flag: header.flag,
      queueOffset: -1,
      commitLogOffset: -1,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      bornHost: hostOf(header.bornHost) ?? connection.remote,
      storeTimestamp: header.storeTimestamp,
      storeHost: hostOf(header.storeHost) ?? connection.remote,
      reconsumeTimes: header.reconsumeTimes ?? 0,
      preparedTransactionOffset: 0,
      body: packed,
      bodyCrc: bodyCrc(packed),
      properties,
      storeSize: 0,
      msgId: properties.get(PropertyKey.UNIQ_KEY) ?? '',
      offsetMsgId: '',
    };
    return new ConsumedMessage(record, body, '');
  }
}

/** Some brokers write Java's `/ip:port` or `name/ip:port`. Where it is none of these, it is worth no failure. */
function hostOf(text: string): HostAddress | undefined {
  try {
    return parseHostPort(text.slice(text.lastIndexOf('/') + 1));
  } catch (error) {
    if (MqError.is(error)) return undefined;
    throw error;
  }
}
