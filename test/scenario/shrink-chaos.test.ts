import { describe, expect } from '@jest/globals';
import { itPlaysBySeed, SeededPlay } from './by-seed.ts';

const BROKERS = ['b1', 'b2'];
const STEPS = 50;

/**
 * A topic of two brokers that shrinks from four queues to one, while at random messages are sent to any of its queues,
 * at once or later, its consumers come and go and die, and brokers and operators are killed.
 *
 * In the end it is as small as it was to be, and everything that was acknowledged has been consumed.
 */
class ShrinkRun extends SeededPlay {
  readonly #stored = new Set<string>();
  readonly #got = new Set<string>();
  #members: string[] = [];
  #joinCount = 0;
  #sendCount = 0;

  async run(): Promise<void> {
    for (const name of BROKERS) await this.stage.addBroker(name, {});
    await this.stage.operator.run((admin) => admin.createTopic({ topic: 'T', readQueueNums: 4 }));
    await this.stage.addProducer('p', { producerGroup: 'PG' });
    this.#join();
    await this.#advance(21_000);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.random.below(100));
      await this.stage.world.rest();
    }
    await this.#calm();
  }

  async #step(roll: number): Promise<void> {
    if (roll < 45) return this.#send();
    if (roll < 52) return this.#join();
    if (roll < 60) return this.#loseMember();
    if (roll < 68) return this.#killOrRestart(this.pick(BROKERS));
    if (roll < 76) return this.#shrink();
    if (roll < 80) {
      this.note('the operator dies');
      return this.stage.replaceOperator();
    }
    return this.#advance(this.random.below(this.random.chance(0.3) ? 90_000 : 8_000));
  }

  async #send(): Promise<void> {
    const queue = { brokerName: this.pick(BROKERS), queueId: this.random.below(4) };
    if (!this.stage.broker(queue.brokerName).isRunning) return;
    const body = `m${++this.#sendCount}`;
    const delayTimeMs = this.random.chance(0.3) ? 1 + this.random.below(100_000) : 0;
    const message = { topic: 'T', body, ...(delayTimeMs > 0 && { delayTimeMs }) };
    const outcome = await this.stage.send('p', message, queue).then(
      () => 'stored',
      (error: unknown) => String(error),
    );
    this.note(`${body} to ${queue.brokerName}:${queue.queueId} in ${delayTimeMs} ms: ${outcome}`);
    if (outcome === 'stored') this.#stored.add(body);
  }

  #shrink(): void {
    this.note('it is to shrink');
    this.stage.operator.abortShrink('T');
    this.stage.operator.shrink('T', 1, { quietMs: 5_000 + this.random.below(30_000) });
  }

  #join(): void {
    if (this.#members.length >= 3) return;
    const name = `c${++this.#joinCount}`;
    this.note(`${name} joins`);
    const options = { consumerGroup: 'G', topics: ['T'], isOrderly: false };
    this.stage.addConsumer(name, options);
    this.#members.push(name);
  }

  #loseMember(): void {
    const name = this.#members.pop();
    if (name === undefined) return;
    const isDeath = this.random.chance(0.5);
    this.note(`${name} ${isDeath ? 'dies' : 'leaves'}`);
    if (isDeath) this.stage.consumer(name).kill();
    else this.stage.consumer(name).leave();
  }

  async #killOrRestart(name: string): Promise<void> {
    const broker = this.stage.broker(name);
    this.note(`${name} ${broker.isRunning ? 'is killed' : 'restarts'}`);
    await (broker.isRunning ? broker.kill() : broker.start());
  }

  async #calm(): Promise<void> {
    for (const name of BROKERS) {
      if (!this.stage.broker(name).isRunning) await this.#killOrRestart(name);
    }
    await this.#advance(60_000);
    // Nobody consumes for a while, and there is something to be lost.
    while (this.#members.length > 0) this.#loseMember();
    for (let count = 0; count < 16; count++) await this.#send();
    this.#shrink();
    await this.#advance(100_000);
    this.#join();
    await this.#advance(400_000);
    expect(this.stage.operator.shrinkOutcome('T')).toBe('is done');
    const configs = await this.stage.operator.run((admin) => admin.topicConfig('T'));
    expect(configs).toMatchObject(BROKERS.map(() => ({ readQueueNums: 1, writeQueueNums: 1 })));
    for (const consumer of this.stage.consumers.values()) {
      for (const message of consumer.news()) this.#got.add(message.text());
    }
    expect([...this.#stored].filter((body) => !this.#got.has(body))).toEqual([]);
  }

  async #advance(ms: number): Promise<void> {
    this.note(`${ms} ms pass`);
    await this.stage.world.advance(ms);
  }
}

describe('a topic that shrinks', () => {
  itPlaysBySeed(
    'loses nothing, whatever happens to its brokers, consumers and operators',
    3,
    ShrinkRun,
  );
});
