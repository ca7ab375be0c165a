import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { MessageStore } from '../../../mq/store/message-store.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { find, StampClock } from './index-under-test.ts';
import { message, openStore } from './store-under-test.ts';
import { plays } from '../../support/plays.ts';

interface Sent {
  body: string;
  topic: string;
  storeTimestamp: number;
  keys: readonly string[];
  uniqueKey: string | undefined;
  tag: string | undefined;
}

/** Of few keys, some with one hash, so that slots and chains are shared; and of keys that are not ASCII. */
const key = fc.constantFrom('Aa', 'BB', 'AaAa', 'AaBB', 'BBAa', 'k', 'K', 'ключ', '🔑', 'T#x', 'x');
const topic = fc.constantFrom('TopicA', 'TopicB');
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      topic,
      keys: fc.array(key, { maxLength: 5 }),
      uniqueKey: fc.option(key, { nil: undefined }),
      tag: fc.option(key, { nil: undefined }),
      afterMs: fc.oneof(fc.nat(3000), fc.integer({ min: -40_000, max: 400_000 })),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('query' as const),
      topic,
      key,
      kind: fc.constantFrom('key' as const, 'uniqueKey' as const, 'tag' as const),
      maxCount: fc.integer({ min: 1, max: 6 }),
      fromMs: fc.integer({ min: -50_000, max: 600_000 }),
      lengthMs: fc.oneof(fc.constant(Infinity), fc.nat(300_000)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(12_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
);

class Model {
  readonly #files = new FaultyFiles();
  readonly #stamps = new StampClock();
  readonly #sizes: { maxHashSlotNum: number; maxIndexNum: number };
  readonly #sent: Sent[] = [];
  readonly #start = this.#stamps.nowMs;
  #store!: MessageStore;

  constructor(sizes: { maxHashSlotNum: number; maxIndexNum: number }) {
    this.#sizes = sizes;
  }

  async open(): Promise<void> {
    this.#store = await openStore(this.#files.process(), {
      clock: this.#stamps.clock,
      flushDiskType: 'ASYNC_FLUSH',
      ...this.#sizes,
    });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async run(next: StepOf): Promise<void> {
    switch (next.do) {
      case 'send':
        return this.#send(next);
      case 'query':
        return this.#query(next);
      case 'wait':
        return this.#stamps.fake.advanceAndSettle(next.ms);
      case 'reopen':
        await this.close();
        return this.open();
      case 'kill':
        this.#files.killProcess();
        await Promise.allSettled([this.close()]);
        await this.open();
        // What a killed process left is checked in the background first.
        return this.#stamps.fake.advanceAndSettle(200);
    }
  }

  async #send(sent: Extract<StepOf, { do: 'send' }>): Promise<void> {
    this.#stamps.nowMs = Math.max(this.#stamps.nowMs + sent.afterMs, this.#start - 100_000);
    const properties = new Map<string, string>();
    if (sent.keys.length > 0) properties.set('KEYS', sent.keys.join(' '));
    if (sent.uniqueKey !== undefined) properties.set('UNIQ_KEY', sent.uniqueKey);
    if (sent.tag !== undefined) properties.set('TAGS', sent.tag);
    const body = `m${this.#sent.length}`;
    await this.#store.append({
      ...message(body, { topic: sent.topic }),
      propertiesString: encodeProperties(properties),
    });
    this.#sent.push({ ...sent, body, storeTimestamp: this.#stamps.nowMs });
  }

  async #query(query: Extract<StepOf, { do: 'query' }>): Promise<void> {
    const beginMs = this.#start + query.fromMs;
    const range = { beginMs, endMs: beginMs + query.lengthMs };
    const expected = this.#sent
      .filter(
        ({ storeTimestamp }) => storeTimestamp >= range.beginMs && storeTimestamp <= range.endMs,
      )
      .filter((sent) => sent.topic === query.topic && has(sent, query))
      .map(({ body }) => body)
      .slice(-query.maxCount);
    expect(await find(this.#store, query.key, { ...query, ...range })).toEqual(expected);
  }
}

type StepOf = typeof step extends fc.Arbitrary<infer T> ? T : never;

function has(sent: Sent, { kind, key: wanted }: Extract<StepOf, { do: 'query' }>): boolean {
  if (kind === 'tag') return sent.tag === wanted;
  if (sent.uniqueKey === wanted) return true;
  return kind === 'key' && sent.keys.includes(wanted);
}

describe('a query', () => {
  it('finds what a search through all messages finds, whatever was sent, waited, closed and killed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          { maxHashSlotNum: 1, maxIndexNum: 2 },
          { maxHashSlotNum: 2, maxIndexNum: 7 },
          { maxHashSlotNum: 50, maxIndexNum: 40 },
        ),
        fc.array(step, { minLength: 5, maxLength: 60 }),
        async (sizes, steps) => {
          const model = new Model(sizes);
          await model.open();
          for (const next of steps) await model.run(next);
          await model.close();
        },
      ),
      plays(60),
    );
  }, 120_000);
});
