import type { SeededRandom } from '../../infra/seeded-random.ts';
import { type LocalTransactionState, TransactionProducer } from '../../mq/index.ts';
import { bodyOf, nameIn } from './numbered-body.ts';
import { producerOptions, PromisedThings, senders } from './senders.ts';
import type { StoredQueues } from './stored-queues.ts';

const SENDERS = 3;
export const TX = { topic: 'TX', queueCount: 2 };

/** The row that a local transaction has left in its "database". */
interface Row {
  state: LocalTransactionState;
  isVisible: boolean;
}

/** Half messages, whose local transactions end either way, and of which the broker is told or has to ask. */
export class Transactions {
  readonly #producer: TransactionProducer;
  readonly #random: SeededRandom;
  readonly #rows = new PromisedThings<Row>();
  #read: number[] = Array.from({ length: TX.queueCount }, () => 0);
  #lastNumber = 0;
  committedCount = 0;

  constructor(namesrvAddr: string, random: SeededRandom) {
    this.#random = random;
    this.#producer = new TransactionProducer({
      ...producerOptions,
      namesrvAddr,
      producerGroup: 'transactions',
      // Without a row the local transaction never ran, or ended long ago.
      checkLocalTransaction: ({ body }) =>
        this.#rows.get(nameIn(body) ?? '')?.state ?? 'ROLLBACK_MESSAGE',
    });
  }

  load(isOver: () => boolean): Promise<void>[] {
    // Of what failed the half message may be there: without a row it is rolled back.
    return senders(SENDERS, isOver, () => this.#send());
  }

  async #send(): Promise<void> {
    const name = `tx-${++this.#lastNumber}`;
    const state = this.#random.chance(0.6) ? 'COMMIT_MESSAGE' : 'ROLLBACK_MESSAGE';
    const isTold = this.#random.chance(0.7);
    await this.#producer.sendMessageInTransaction({ topic: TX.topic, body: bodyOf(name) }, () => {
      this.#rows.promise(name, { state, isVisible: false });
      if (state === 'COMMIT_MESSAGE') this.committedCount++;
      return isTold ? state : 'UNKNOW';
    });
  }

  /** Reads what has become visible since, and says what should not have. */
  async wrong(stored: StoredQueues): Promise<string[]> {
    const wrong: string[] = [];
    const ends = await stored.ends(TX.topic, TX.queueCount);
    const records = (await stored.read(TX.topic, this.#read, ends)).flat();
    this.#read = ends;
    for (const { queueId, queueOffset, body } of records) {
      const place = `TX:${queueId}:${queueOffset}`;
      const row = this.#rows.get(nameIn(body) ?? '');
      const name = body.toString('latin1', 0, 12);
      if (row?.state !== 'COMMIT_MESSAGE') wrong.push(`${place} was not committed: ${name}`);
      else if (row.isVisible) wrong.push(`${place} is there twice: ${name}`);
      else row.isVisible = true;
    }
    return wrong;
  }

  /** Committed, and not visible yet. */
  unkept(): string[] {
    return [...this.#rows]
      .filter(([, { state, isVisible }]) => state === 'COMMIT_MESSAGE' && !isVisible)
      .map(([name]) => `${name} was committed and is not visible`);
  }

  settle(): void {
    this.#rows.settle();
  }

  shutdown(): Promise<void> {
    return this.#producer.shutdown();
  }
}
