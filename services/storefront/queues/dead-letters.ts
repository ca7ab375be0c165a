import { DomainError } from '../../common/errors.ts';
import {
  MqError,
  type Admin,
  type ConsumedMessage,
  type RedriveResult,
} from '../../common/mq.module.ts';
import { shopGroups } from './shop-groups.ts';

export interface DeadLetter {
  /** By which it is given back: of one message there may be several letters. */
  readonly offsetMsgId: string;
  readonly messageId: string;
  readonly keys: readonly string[];
  readonly tag: string;
  /** Why its listener gave it up. */
  readonly reason?: string;
  /** ISO 8601 in UTC. */
  readonly storedAt: string;
  readonly body: string;
}

export interface DeadLetterPage {
  /** The newest first. */
  readonly items: readonly DeadLetter[];
  /** Of the group, together with those on no page. */
  readonly total: number;
}

export interface RedriveOutcome {
  readonly redriven: number;
  /** Those that the broker did not take, and why it did not take the first of them. */
  readonly failed: number;
  readonly reason?: string;
}

export const PAGE_SIZE = 50;
const MAX_BODY_BYTES = 2_048;
/** What a group has more of is given back by the next request. */
const MAX_REDRIVEN = 1_000;

type AskedAdmin = Pick<Admin, 'dlq' | 'dlqCount' | 'redriveDlq'>;

/** The dead letters of the shop's groups: shows them, and gives them back to their group. */
export class DeadLetters {
  readonly #admin: AskedAdmin;
  readonly #onRedriven: () => void;
  #redriving: Promise<unknown> = Promise.resolve();

  /** `onRedriven`: told when there are fewer of them, or may be. */
  constructor(admin: AskedAdmin, onRedriven: () => void) {
    this.#admin = admin;
    this.#onRedriven = onRedriven;
  }

  /** A page of them, behind the `skip` newest. Errors: DEAD_LETTERS.NO_GROUP, BROKER.UNAVAILABLE. */
  async of(group: string, skip: number): Promise<DeadLetterPage> {
    const page = { order: 'NEWEST_FIRST', skip, maxCount: PAGE_SIZE } as const;
    const asked = await this.#asked(group, () =>
      Promise.all([this.#admin.dlq(group, page), this.#admin.dlqCount(group)]),
    );
    const [letters, total] = asked ?? [[], 0];
    return { items: letters.map((letter) => shown(letter)), total };
  }

  /**
   * Those of these ids and no others, or all. Of all, the group's progress says that they were given back, and they are not shown
   * again; chosen ones are, until all are given back. One request after the other: of two that ask for all, the second finds
   * none that the first has given back.
   *
   * Errors: DEAD_LETTERS.NO_GROUP, BROKER.UNAVAILABLE; REQUEST.INVALID for what is no id.
   */
  async redrive(group: string, offsetMsgIds?: readonly string[]): Promise<RedriveOutcome> {
    const redriven = this.#redriving.then(() =>
      this.#asked(group, () =>
        offsetMsgIds === undefined
          ? this.#admin.redriveDlq(group, 'all', { maxCount: MAX_REDRIVEN })
          : this.#admin.redriveDlq(group, { offsetMsgIds }),
      ),
    );
    this.#redriving = redriven.catch(() => undefined);
    const results = (await redriven) ?? [];
    this.#onRedriven();
    return outcomeOf(results);
  }

  /** Undefined: the group has not consumed anything yet. */
  async #asked<T>(group: string, work: () => Promise<T>): Promise<T | undefined> {
    const known = shopGroups.find((each) => each.group === group);
    if (known?.deadLetterGroup === undefined) {
      const detail = `${group.slice(0, 64)} is no consumer group of the shop that has dead letters`;
      throw new DomainError('DEAD_LETTERS.NO_GROUP', 'not_found', detail);
    }
    try {
      return await work();
    } catch (cause) {
      if (!MqError.is(cause)) throw cause;
      if (cause.code === 'SUBSCRIPTION_GROUP_NOT_EXIST') return undefined;
      if (cause.code === 'INVALID_ARGUMENT') {
        throw new DomainError('REQUEST.INVALID', 'invalid', cause.message, { cause });
      }
      const detail = `the broker cannot do this just now (${cause.code}), try again`;
      throw new DomainError('BROKER.UNAVAILABLE', 'unavailable', detail, { cause });
    }
  }
}

function outcomeOf(results: readonly RedriveResult[]): RedriveOutcome {
  const failures = results.filter(({ status }) => status !== 'REDRIVEN');
  const reason = failures[0]?.error?.message;
  return {
    redriven: results.length - failures.length,
    failed: failures.length,
    ...(reason !== undefined && { reason }),
  };
}

function shown(letter: ConsumedMessage): DeadLetter {
  const reason = letter.properties.get('DLQ_REASON');
  return {
    offsetMsgId: letter.offsetMsgId,
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
