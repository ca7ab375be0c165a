import { SeededRandom } from '../../infra/seeded-random.ts';
import { type Message, type MessageExt, Producer } from '../../mq/index.ts';
import { bodyOf, nameIn } from './numbered-body.ts';
import { producerOptions } from './senders.ts';
import type { StoredQueues } from './stored-queues.ts';

const SINGLE_SENDERS = 24;
const BATCH_SENDERS = 3;
const ORDERED_SENDERS = 4;
/** How many cycles back what was acknowledged is looked up again after each start. */
const WINDOW_CYCLES = 3;

export const PLAIN = { topic: 'PLAIN', queueCount: 4 };
export const ORDERED = { topic: 'ORDERED', queueCount: 2 };
const TOPICS = [PLAIN, ORDERED];

/** What one cycle was told. */
interface Cycle {
  /** Where each queue of each topic ended before it. */
  ends: Map<string, number[]>;
  /** By the message's name, `topic:queueId:queueOffset`. */
  acknowledged: Map<string, string>;
}

/**
 * Single messages, batches, and messages of one key in order, from senders that each wait for their answer; and what must
 * be there for it.
 */
export class Sends {
  readonly #producer: Producer;
  readonly #random: SeededRandom;
  readonly #window: Cycle[] = [];
  #lastNumber = 0;
  acknowledgedCount = 0;

  constructor(namesrvAddr: string, random: SeededRandom) {
    this.#random = random;
    this.#producer = new Producer({
      ...producerOptions,
      namesrvAddr,
      producerGroup: 'senders',
    });
  }

  /** To be called before the load of a cycle. */
  async begin(stored: StoredQueues): Promise<void> {
    const ends = new Map<string, number[]>();
    for (const { topic, queueCount } of TOPICS) {
      ends.set(topic, await stored.ends(topic, queueCount));
    }
    this.#window.push({ ends, acknowledged: new Map() });
    if (this.#window.length > WINDOW_CYCLES) this.#window.shift();
  }

  /** A single sender: what it was told last is likely the last record of the log. */
  quietLoad(isOver: () => boolean): Promise<void>[] {
    return [this.#sendInTurn('0', (series) => this.#sendOne(`s${series}`), isOver)];
  }

  /** One promise a sender; each ends after `isOver` says so. */
  load(isOver: () => boolean): Promise<void>[] {
    const sender = (send: (series: string) => Promise<void>) => (_: unknown, index: number) =>
      this.#sendInTurn(`${index}`, send, isOver);
    return [
      ...Array.from(
        { length: SINGLE_SENDERS },
        sender((series) => this.#sendOne(`s${series}`)),
      ),
      ...Array.from(
        { length: BATCH_SENDERS },
        sender((series) => this.#sendBatch(`b${series}`)),
      ),
      ...Array.from(
        { length: ORDERED_SENDERS },
        sender((series) => this.#sendOrdered(`o${series}`)),
      ),
    ];
  }

  /** A series is what one sender sent without a failure: its messages lie in the order of their numbers. */
  async #sendInTurn(
    sender: string,
    send: (series: string) => Promise<void>,
    isOver: () => boolean,
  ): Promise<void> {
    let series = `${sender}.${++this.#lastNumber}`;
    while (!isOver()) {
      try {
        await send(series);
      } catch {
        // Refused, or its answer lost: nothing was promised, and what comes next may lie before it.
        series = `${sender}.${++this.#lastNumber}`;
      }
    }
  }

  #message(topic: string, series: string): Message & { name: string } {
    const number = ++this.#lastNumber;
    const name = `${series}-${number}`;
    return { topic, name, body: bodyOf(name), keys: name, tags: `t${number % 3}` };
  }

  async #sendOne(series: string): Promise<void> {
    const { name, ...message } = this.#message(PLAIN.topic, series);
    const { messageQueue, queueOffset, status } = await this.#producer.send(message);
    if (status === 'SEND_OK') this.#note(name, PLAIN.topic, messageQueue.queueId, queueOffset);
  }

  async #sendOrdered(series: string): Promise<void> {
    const { name, ...message } = this.#message(ORDERED.topic, series);
    const result = await this.#producer.send({ ...message, shardingKey: series.split('.')[0]! });
    const { messageQueue, queueOffset, status } = result;
    if (status === 'SEND_OK') this.#note(name, ORDERED.topic, messageQueue.queueId, queueOffset);
  }

  async #sendBatch(series: string): Promise<void> {
    const count = 1 + this.#random.below(10);
    const batch = Array.from({ length: count }, () => this.#message(PLAIN.topic, series));
    // All of a batch must fit one message's limit.
    const fitting = batch.filter(({ body }) => body.length < 2_000);
    if (fitting.length === 0) return;
    const { messageQueue, queueOffset, status } = await this.#producer.sendBatch(
      fitting.map(({ topic, body, keys, tags }) => ({ topic, body, keys: keys!, tags: tags! })),
    );
    if (status !== 'SEND_OK') return;
    for (const [index, { name }] of fitting.entries()) {
      this.#note(name, PLAIN.topic, messageQueue.queueId, queueOffset + index);
    }
  }

  #note(name: string, topic: string, queueId: number, queueOffset: number): void {
    this.#window.at(-1)!.acknowledged.set(name, `${topic}:${queueId}:${queueOffset}`);
    this.acknowledgedCount++;
  }

  /** What is wrong with what is stored, from the beginning of the window on. */
  async wrong(stored: StoredQueues): Promise<string[]> {
    const wrong: string[] = [];
    const places = new Map<string, string>();
    if (this.#window.length === 0) return wrong;
    for (const { topic, queueCount } of TOPICS) {
      const from = this.#window[0]!.ends.get(topic)!;
      const to = await stored.ends(topic, queueCount);
      const shrunk = from.filter((end, queueId) => to[queueId]! < end);
      if (shrunk.length > 0)
        wrong.push(`${topic} ends at ${to.join()}, it ended at ${from.join()}`);
      for (const [queueId, records] of (await stored.read(topic, from, to)).entries()) {
        wrong.push(...this.#wrongInQueue(`${topic}:${queueId}`, from[queueId]!, records, places));
      }
    }
    for (const { acknowledged } of this.#window) {
      for (const [name, place] of acknowledged) {
        const found = places.get(name);
        if (found !== place) wrong.push(`${name} was acknowledged at ${place}, it is at ${found}`);
      }
    }
    return wrong;
  }

  /** What is wrong with all that is left, from the first message of each queue on; nothing of it need be of the window. */
  async wrongAfterCleanUp(stored: StoredQueues): Promise<string[]> {
    const wrong: string[] = [];
    for (const { topic, queueCount } of TOPICS) {
      const from = await stored.starts(topic, queueCount);
      const to = await stored.ends(topic, queueCount);
      const before = this.#window.at(-1)!.ends.get(topic)!;
      if (to.some((end, queueId) => end < before[queueId]!)) {
        wrong.push(`${topic} ends at ${to.join()}, it ended at ${before.join()}`);
      }
      for (const [queueId, records] of (await stored.read(topic, from, to)).entries()) {
        const queue = `${topic}:${queueId}`;
        wrong.push(...this.#wrongInQueue(queue, from[queueId]!, records, new Map()));
        const end = from[queueId]! + records.length;
        if (end !== to[queueId]) wrong.push(`${queue} was read up to ${end} of ${to[queueId]}`);
      }
    }
    this.#window.length = 0;
    return wrong;
  }

  #wrongInQueue(
    queue: string,
    from: number,
    records: readonly MessageExt[],
    places: Map<string, string>,
  ): string[] {
    const wrong: string[] = [];
    const lastOf = new Map<string, number>();
    for (const [index, { queueOffset, body }] of records.entries()) {
      const place = `${queue}:${queueOffset}`;
      if (queueOffset !== from + index) wrong.push(`${place} is where ${from + index} should be`);
      const name = nameIn(body);
      if (name === undefined) {
        wrong.push(`${place} was never sent like this: ${body.toString('latin1', 0, 40)}`);
        continue;
      }
      if (places.has(name)) wrong.push(`${name} is at ${places.get(name)} and at ${place}`);
      places.set(name, place);
      const [series, number] = [name.split('-')[0]!, Number(name.split('-')[1])];
      const before = lastOf.get(series) ?? 0;
      if (number <= before) wrong.push(`${name} lies behind ${series}-${before}, at ${place}`);
      lastOf.set(series, number);
    }
    return wrong;
  }

  shutdown(): Promise<void> {
    return this.#producer.shutdown();
  }
}
