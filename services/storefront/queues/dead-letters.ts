import { DomainError } from '../../common/errors.ts';
import {
  MqError,
  type Admin,
  type ConsumedMessage,
  type RedriveResult,
} from '../../common/mq.module.ts';
import { shopGroups } from './shop-groups.ts';

export interface DeadLetter {
  readonly messageId: string;
  readonly keys: readonly string[];
  readonly tag: string;
  /** Why its listener gave it up. */
  readonly reason?: string;
  /** ISO 8601 in UTC. */
  readonly storedAt: string;
  readonly body: string;
}

const MAX_SHOWN = 100;
const MAX_BODY_BYTES = 2_048;
/** What a group has more of is given back by the next request. */
const MAX_REDRIVEN = 1_000;

/** The dead letters of the shop's groups: shows them, and gives them back to their group. */
export class DeadLetters {
  readonly #admin: Pick<Admin, 'dlq' | 'redriveDlq'>;

  constructor(admin: Pick<Admin, 'dlq' | 'redriveDlq'>) {
    this.#admin = admin;
  }

  /** The oldest hundred. Errors: DEAD_LETTERS.NO_GROUP, BROKER.UNAVAILABLE. */
  async of(group: string): Promise<DeadLetter[]> {
    const letters = await this.#asked(group, () => this.#admin.dlq(group, { maxCount: MAX_SHOWN }));
    return letters.map((letter) => shown(letter));
  }

  /**
   * Those of these ids and no others, or all; returns how many the broker took. Of all, the group's progress says that they were
   * given back, and they are not shown again; chosen ones are, until all are given back.
   *
   * Errors: DEAD_LETTERS.NO_GROUP, BROKER.UNAVAILABLE.
   */
  async redrive(group: string, messageIds?: readonly string[]): Promise<number> {
    const results = await this.#asked(group, () =>
      messageIds === undefined
        ? this.#admin.redriveDlq(group, 'all', { maxCount: MAX_REDRIVEN })
        : this.#redriveChosen(group, new Set(messageIds)),
    );
    return results.filter(({ status }) => status === 'REDRIVEN').length;
  }

  async #redriveChosen(group: string, chosen: ReadonlySet<string>): Promise<RedriveResult[]> {
    const letters = await this.#admin.dlq(group, { maxCount: MAX_REDRIVEN });
    const offsetMsgIds = letters
      .filter(({ msgId }) => chosen.has(msgId))
      .map(({ offsetMsgId }) => offsetMsgId);
    return offsetMsgIds.length === 0 ? [] : this.#admin.redriveDlq(group, { offsetMsgIds });
  }

  async #asked<T>(group: string, work: () => Promise<T[]>): Promise<T[]> {
    const known = shopGroups.find((each) => each.group === group);
    if (known?.deadLetterGroup === undefined) {
      const detail = `${group.slice(0, 64)} is no consumer group of the shop that has dead letters`;
      throw new DomainError('DEAD_LETTERS.NO_GROUP', 'not_found', detail);
    }
    try {
      return await work();
    } catch (cause) {
      if (!MqError.is(cause)) throw cause;
      // The group has not consumed anything yet.
      if (cause.code === 'SUBSCRIPTION_GROUP_NOT_EXIST') return [];
      const detail = `the broker cannot do this just now (${cause.code}), try again`;
      throw new DomainError('BROKER.UNAVAILABLE', 'unavailable', detail, { cause });
    }
  }
}

function shown(letter: ConsumedMessage): DeadLetter {
  const reason = letter.properties.get('DLQ_REASON');
  return {
    messageId: letter.msgId,
    keys: letter.keys,
    tag: letter.tags ?? '',
    ...(reason !== undefined && { reason }),
    storedAt: new Date(letter.storeTimestamp).toISOString(),
    body: beginningOf(letter.body),
  };
}

/** Cut between two characters. */
function beginningOf(body: Buffer): string {
  if (body.length <= MAX_BODY_BYTES) return body.toString('utf8');
  return new TextDecoder().decode(body.subarray(0, MAX_BODY_BYTES), { stream: true });
}
