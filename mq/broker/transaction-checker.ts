import type { Logger } from '../logger.ts';
import { requestCommand, type RemotingCommand } from '../protocol/frame.ts';
import { assertIntact, encodeRecord, type MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { PropertyKey, reencodeProperties } from '../protocol/properties.ts';
import { checkTransactionState } from '../protocol/requests/check-transaction-state.ts';
import type { ClientChannel } from './client-channel.ts';
import type { ProducerManager } from './producer-manager.ts';
import { destinationOf } from './transaction-records.ts';

/** Channels tried for one check, as the original tries them. */
const MAX_TRIES = 3;
/** Checks on their way to one producer: it does not read them any faster when more are added. */
const MAX_UNREAD_CHECKS = 256;

export interface TransactionCheckerDeps {
  readonly producers: Pick<ProducerManager, 'members'>;
  readonly brokerName: string;
  readonly logger: Logger;
}

/**
 * Asks producers what became of their transactions: one open channel of the group, each in its turn, on the connection
 * it has opened.
 *
 * Source: RocketMQ 5.3 ProducerManager.getAvailableChannel, Broker2Client.checkProducerTransactionState.
 */
export class TransactionChecker {
  readonly #deps: TransactionCheckerDeps;
  /** Whose turn it is, of the groups that were asked. */
  readonly #turns = new Map<string, number>();
  readonly #unread = new WeakMap<ClientChannel, number>();

  constructor(deps: TransactionCheckerDeps) {
    this.#deps = deps;
  }

  isReachable(producerGroup: string): boolean {
    return this.#channels(producerGroup).length > 0;
  }

  /** Returns whether the question was handed to a producer. Errors: MESSAGE_CORRUPT for a damaged body. */
  async ask(half: MessageExt, checkCount: number): Promise<boolean> {
    const group = half.properties.get(PropertyKey.PGROUP) ?? '';
    const channels = this.#channels(group);
    const command = checkCommand(half, checkCount, this.#deps.brokerName);
    if (command === undefined) return false;
    const turn = this.#turns.get(group) ?? 0;
    this.#turns.set(group, (turn + 1) % Math.max(1, channels.length));
    if (channels.length === 0) this.#turns.delete(group);
    for (let index = 0; index < Math.min(MAX_TRIES, channels.length); index++) {
      const channel = channels[(turn + index) % channels.length]!;
      if (await this.#hand(channel, command)) return true;
    }
    return false;
  }

  #channels(producerGroup: string): ClientChannel[] {
    return this.#deps.producers
      .members(producerGroup)
      .map(({ channel }) => channel)
      .filter((channel) => channel.isOpen && (this.#unread.get(channel) ?? 0) < MAX_UNREAD_CHECKS);
  }

  /** True unless the channel refuses at once. A producer that is slow to read is not waited for. */
  async #hand(channel: ClientChannel, command: RemotingCommand): Promise<boolean> {
    const count = (delta: number): void => {
      this.#unread.set(channel, (this.#unread.get(channel) ?? 0) + delta);
    };
    count(1);
    const sent = channel.oneway(command).then(
      () => true,
      (cause: unknown) => {
        this.#deps.logger.debug('could not hand a producer the check of a transaction', {
          peer: channel.peer,
          cause,
        });
        return false;
      },
    );
    void sent.then(() => count(-1));
    const isHandedOver = await Promise.race([sent, nextTurn()]);
    return isHandedOver && channel.isOpen;
  }
}

async function nextTurn(): Promise<true> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return true;
}

/**
 * Undefined when the half message does not say where it belongs, so that nobody could say what became of it.
 *
 * Errors: MESSAGE_CORRUPT: a producer may tell by the body what became of it.
 */
export function checkCommand(
  half: MessageExt,
  checkCount: number,
  brokerName: string,
): RemotingCommand | undefined {
  const destination = destinationOf(half);
  if (destination === undefined) return undefined;
  assertIntact(half);
  const properties = new Map(half.properties);
  properties.set(PropertyKey.TRANSACTION_CHECK_TIMES, String(checkCount));
  return requestCommand({
    code: checkTransactionState.code,
    extFields: checkTransactionState.encodeRequest({
      topic: SystemTopic.TRANSACTION_HALF,
      tranStateTableOffset: half.queueOffset,
      commitLogOffset: half.commitLogOffset,
      msgId: half.msgId,
      transactionId: half.msgId,
      offsetMsgId: half.offsetMsgId,
      brokerName,
    }),
    body: encodeRecord({
      ...half,
      ...destination,
      preparedTransactionOffset: 0,
      propertiesString: reencodeProperties(properties),
    }),
  });
}
