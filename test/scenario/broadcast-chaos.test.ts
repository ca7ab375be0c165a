import { describe, expect } from '@jest/globals';
import { itPlaysBySeed, SeededPlay } from './by-seed.ts';

const MEMBERS = ['c1', 'c2', 'c3'];
const BROKERS = ['b1', 'b2'];
const STEPS = 50;

/**
 * Three members broadcast, each with its own disk, while at random they leave, die, lose their power and come back, and so
 * do two brokers. Members begin at the first offset.
 *
 * At the end each member has got every message. It may have got some again, but none that it had got in a life that ended with a
 * good-bye.
 */
class ChaosRun extends SeededPlay {
  readonly #sent: string[] = [];
  readonly #got = new Map(MEMBERS.map((name) => [name, new Set<string>()]));
  /** What each got in its present life, and in lives that ended with a good-bye, which saves all progress. */
  readonly #news = new Map(MEMBERS.map((name) => [name, new Set<string>()]));
  readonly #saved = new Map(MEMBERS.map((name) => [name, new Set<string>()]));
  readonly #living = new Set<string>();

  async run(): Promise<void> {
    for (const name of BROKERS) await this.stage.addBroker(name, {});
    await this.stage.operator.run((admin) =>
      admin.createTopic({ topic: 'T', readQueueNums: 2, writeQueueNums: 2 }),
    );
    await this.stage.addProducer('p', { producerGroup: 'PG' });
    for (const name of MEMBERS) this.#join(name);
    await this.#advance(5_000);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.random.below(100));
      await this.stage.world.rest();
      this.#look();
    }
    for (const name of BROKERS) if (!this.stage.broker(name).isRunning) await this.#turn(name);
    for (const name of MEMBERS) if (!this.#living.has(name)) this.#join(name);
    await this.#advance(180_000);
    for (const [name, got] of this.#got) {
      expect([name, [...got].toSorted()]).toEqual([name, this.#sent.toSorted()]);
    }
  }

  async #step(roll: number): Promise<void> {
    const member = this.pick(MEMBERS);
    if (roll < 45) return this.#send();
    if (roll < 60) return this.#living.has(member) ? this.#lose(member) : this.#join(member);
    if (roll < 68) return this.#turn(this.pick(BROKERS));
    return this.#advance(this.random.below(this.random.chance(0.2) ? 150_000 : 7_000));
  }

  async #send(): Promise<void> {
    const brokerName = this.pick(BROKERS);
    if (!this.stage.broker(brokerName).isRunning) return;
    const body = `m${this.#sent.length + 1}`;
    const queue = { brokerName, queueId: this.random.below(2) };
    const outcome = await this.stage.send('p', { topic: 'T', body }, queue).then(
      () => 'stored',
      (error: unknown) => String(error),
    );
    this.note(`sends ${body} to ${brokerName}: ${outcome}`);
    if (outcome === 'stored') this.#sent.push(body);
  }

  #join(name: string): void {
    this.note(`${name} joins`);
    this.stage.addConsumer(name, {
      consumerGroup: 'G',
      topics: ['T'],
      isOrderly: false,
      messageModel: 'BROADCASTING',
    });
    this.#living.add(name);
    this.#news.get(name)!.clear();
  }

  /** Time passes after a good-bye: it saves, and whoever comes back at once is kept out by the lock of the one who leaves. */
  async #lose(name: string): Promise<void> {
    this.#living.delete(name);
    const how = this.pick(['leaves', 'dies', 'loses power']);
    this.note(`${name} ${how}`);
    const consumer = this.stage.consumer(name);
    if (how === 'dies') return consumer.kill();
    if (how === 'loses power') return consumer.cutPower();
    consumer.leave();
    await this.#advance(11_000);
    for (const body of this.#news.get(name)!) this.#saved.get(name)!.add(body);
  }

  async #turn(name: string): Promise<void> {
    const broker = this.stage.broker(name);
    this.note(`${name} ${broker.isRunning ? 'is killed' : 'restarts'}`);
    await (broker.isRunning ? broker.kill() : broker.start());
  }

  async #advance(ms: number): Promise<void> {
    this.note(`${ms} ms pass`);
    await this.stage.world.advance(ms);
    this.#look();
  }

  #look(): void {
    for (const [name, consumer] of this.stage.consumers) {
      const got = this.#got.get(name)!;
      for (const message of consumer.news()) {
        const body = message.text();
        this.note(`    ${name} got ${body}`);
        if (this.#saved.get(name)!.has(body)) {
          throw new Error(`${name} got ${body} again, though it had left behind it`);
        }
        got.add(body);
        this.#news.get(name)!.add(body);
      }
      consumer.takeNews();
    }
  }
}

describe('broadcasting', () => {
  itPlaysBySeed('misses nothing, whatever happens to its members and their brokers', 4, ChaosRun);
});
