import { randomUUID } from 'node:crypto';
import { MqError } from '../errors.ts';
import { replyTopic, SystemTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import type { MessageSender } from './message-sender.ts';
import type { Message } from './outgoing-message.ts';
import { inTime } from './pause.ts';
import type { PendingReplies } from './pending-replies.ts';
import type { ProducerMember } from './producer-member.ts';
import type { SendOptions } from './producer-options.ts';
import type { SendResult } from './send-result.ts';
import { SendStage } from './send-stage.ts';

/** Of a request's time, what the brokers have to take a heartbeat; one that hangs must not use up the rest. */
const ANNOUNCING_SHARE = 1 / 4;
/** Before a reply topic is looked for again that no broker had: they may only have had to find a new name server. */
const LOOK_AGAIN_MS = 30_000;

/**
 * Sends messages that ask for a reply, and waits for the replies.
 *
 * Whoever replies may do so through any broker of the cluster, which finds the requester by its heartbeat: so all brokers
 * that the cluster's reply topic is on have one before the first request goes out.
 */
export class Requester {
  readonly #member: ProducerMember;
  readonly #sender: MessageSender;
  readonly #pending: PendingReplies;
  /** When a cluster's reply topic is to be looked for again, on the monotonic clock; never, if it was found. */
  readonly #lookAtMs = new Map<string, number>();

  constructor(member: ProducerMember, sender: MessageSender, pending: PendingReplies) {
    this.#member = member;
    this.#sender = sender;
    this.#pending = pending;
  }

  /** Errors: see `Producer.request`. */
  async request(message: Message, options: SendOptions): Promise<ConsumedMessage> {
    const { clock, clientId } = this.#member.client.settings;
    if (message.replyTo !== undefined) {
      throw new MqError('INVALID_ARGUMENT', `message for ${message.topic}: a reply is no request`);
    }
    const budgetMs = this.#sender.budgetMs(options);
    const deadlineMs = clock.monotonicMs() + budgetMs;
    const correlationId = randomUUID();
    const request = await this.#sender.single(message, [
      [PropertyKey.CORRELATION_ID, correlationId],
      [PropertyKey.REPLY_TO_CLIENT, clientId],
      [PropertyKey.TTL, String(Math.round(budgetMs))],
    ]);
    await this.#announce(message.topic, deadlineMs, options.signal);
    let sent: SendResult | undefined;
    const reply = this.#pending.expect(correlationId);
    // The reply may be there before the broker's answer.
    const delivery = this.#sender.deliver(request, message, options, deadlineMs).then((result) => {
      sent = result;
      return reply;
    });
    const late = (): MqError => noReply(message.topic, budgetMs, sent);
    try {
      const first = Promise.race([reply, delivery]);
      return await inTime(clock, deadlineMs, first, late, options.signal);
    } finally {
      this.#pending.forget(correlationId);
    }
  }

  /** Settles when the brokers know this client, or have had their time. What fails here shows in the send. */
  async #announce(topic: string, deadlineMs: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#member.client.settings;
    const nowMs = clock.monotonicMs();
    const untilMs = nowMs + (deadlineMs - nowMs) * ANNOUNCING_SHARE;
    const work = this.#announcement(topic).catch(() => undefined);
    const late = new MqError('REQUEST_TIMEOUT', 'not all brokers have answered the heartbeat');
    try {
      await inTime(clock, untilMs, work, () => late, signal);
    } catch (error) {
      if (error !== late) throw error;
    }
  }

  async #announcement(topic: string): Promise<void> {
    await this.#sender.queues(topic);
    const { routes } = this.#member.watch;
    const route = routes.get(topic) ?? routes.get(SystemTopic.AUTO_CREATE);
    const clusters = new Set(route?.brokerDatas.map(({ cluster }) => cluster));
    await Promise.all(Array.from(clusters, (cluster) => this.#findBrokers(cluster)));
    await this.#member.heartbeats.announceToUnknown();
  }

  async #findBrokers(cluster: string): Promise<void> {
    const { watch, client } = this.#member;
    const nowMs = client.settings.clock.monotonicMs();
    if (nowMs < (this.#lookAtMs.get(cluster) ?? -Infinity)) return;
    const topic = replyTopic(cluster);
    watch.watch(topic);
    const route = await watch.refresh(topic);
    // Brokers that know no replies would be asked for it for ever.
    if (route === undefined) watch.unwatch(topic);
    this.#lookAtMs.set(cluster, route === undefined ? nowMs + LOOK_AGAIN_MS : Infinity);
  }
}

function noReply(topic: string, waitedMs: number, sent: SendResult | undefined): MqError {
  const ms = Math.round(waitedMs);
  return sent === undefined
    ? new MqError('REQUEST_TIMEOUT', `the request to ${topic} was not sent within ${ms} ms`, {
        retriable: true,
        details: { stage: SendStage.ANSWER, topic, timeoutMs: ms },
      })
    : new MqError(
        'REQUEST_TIMEOUT',
        `the request to ${topic} is stored as ${sent.msgId}, and no reply came within ${ms} ms`,
        {
          retriable: true,
          details: { stage: SendStage.REPLY, topic, timeoutMs: ms, msgId: sent.msgId },
        },
      );
}
