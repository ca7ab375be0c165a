import type { SeededRandom } from '../../infra/seeded-random.ts';
import { type Message, Producer } from '../../mq/index.ts';
import { bodyOf, nameIn } from './numbered-body.ts';
import { producerOptions, PromisedThings, senders } from './senders.ts';
import type { StoredQueues } from './stored-queues.ts';

const SENDERS = 3;
const MAX_DELAY_MS = 3_000;
/** Of the one delay level that the broker is set to. */
const LEVEL_MS = 1_000;
export const TIMED = { topic: 'TIMED', queueCount: 2 };

interface Timer {
  /** ms since epoch: before this nobody may see it. */
  dueMs: number;
  isAcknowledged: boolean;
  isDelivered: boolean;
}

/** Messages for a moment up to three seconds away, by each of the ways to say so. */
export class Timers {
  readonly #producer: Producer;
  readonly #random: SeededRandom;
  readonly #timers = new PromisedThings<Timer>();
  #read: number[] = Array.from({ length: TIMED.queueCount }, () => 0);
  #lastNumber = 0;
  deliveredCount = 0;

  constructor(namesrvAddr: string, random: SeededRandom) {
    this.#random = random;
    this.#producer = new Producer({
      ...producerOptions,
      namesrvAddr,
      producerGroup: 'timers',
    });
  }

  load(isOver: () => boolean): Promise<void>[] {
    // What failed may be delivered or not, but not early.
    return senders(SENDERS, isOver, () => this.#send());
  }

  async #send(): Promise<void> {
    const name = `timer-${++this.#lastNumber}`;
    const message: Message = { topic: TIMED.topic, body: bodyOf(name) };
    const nowMs = Date.now();
    const delayMs = this.#random.below(MAX_DELAY_MS);
    let dueMs = nowMs + delayMs;
    const way = this.#random.below(3);
    if (way === 0) message.delayTimeMs = delayMs;
    else if (way === 1) message.deliverTimeMs = nowMs + delayMs;
    else {
      message.delayTimeLevel = 1;
      dueMs = nowMs + LEVEL_MS;
    }
    const timer = this.#timers.promise(name, {
      dueMs,
      isAcknowledged: false,
      isDelivered: false,
    });
    await this.#producer.send(message);
    timer.isAcknowledged = true;
  }

  /** Reads what was delivered since, and says what came early. After a kill some come twice. */
  async wrong(stored: StoredQueues): Promise<string[]> {
    const wrong: string[] = [];
    const ends = await stored.ends(TIMED.topic, TIMED.queueCount);
    const records = (await stored.read(TIMED.topic, this.#read, ends)).flat();
    this.#read = ends;
    for (const { queueId, queueOffset, body, storeTimestamp } of records) {
      const place = `TIMED:${queueId}:${queueOffset}`;
      const name = nameIn(body);
      if (name === undefined) {
        wrong.push(`${place} was never sent like this: ${body.toString('latin1', 0, 40)}`);
        continue;
      }
      const timer = this.#timers.get(name);
      if (timer === undefined) continue;
      const earlyMs = timer.dueMs - storeTimestamp;
      if (earlyMs > 0) wrong.push(`${name} came ${earlyMs} ms early, at ${place}`);
      if (!timer.isDelivered) this.deliveredCount++;
      timer.isDelivered = true;
    }
    return wrong;
  }

  /** Acknowledged, and not delivered yet. */
  unkept(): string[] {
    return [...this.#timers]
      .filter(([, { isAcknowledged, isDelivered }]) => isAcknowledged && !isDelivered)
      .map(([name, { dueMs }]) => `${name} was due ${Date.now() - dueMs} ms ago and is not there`);
  }

  settle(): void {
    this.#timers.settle();
  }

  shutdown(): Promise<void> {
    return this.#producer.shutdown();
  }
}
