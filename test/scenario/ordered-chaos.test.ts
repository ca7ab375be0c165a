import { describe, expect } from '@jest/globals';
import { itPlaysBySeed, SeededPlay } from './by-seed.ts';
import type { Behaviour } from './scenario-consumer.ts';

const QUEUES = ['a', 'b'];
const STEPS = 60;
const behaviours: readonly Behaviour[] = ['fails', 'hangs', 'consumes', 'consumes'];

/**
 * A group that consumes two queues in order, while at random its members join, leave, die, fail, hang, are cut off and
 * fall silent, and its broker is killed and restarted; at the end all that live may consume.
 *
 * Messages may come again, but none for the first time before all before it in its queue have come, and all do.
 */
class ChaosRun extends SeededPlay {
  readonly #sentCount = new Map(QUEUES.map((queue) => [queue, 0]));
  readonly #reached = new Map(QUEUES.map((queue) => [queue, 0]));
  #members: string[] = [];
  #joinCount = 0;

  async run(): Promise<void> {
    await this.stage.addBroker('b1', {});
    await this.stage.operator.run((admin) =>
      admin.createTopic({ topic: 'T', readQueueNums: QUEUES.length }),
    );
    await this.stage.addProducer('p', { producerGroup: 'PG' });
    this.#join();
    this.#join();
    await this.#advance(21_000);
    for (let step = 0; step < STEPS; step++) {
      await this.#step(this.random.below(100));
      await this.stage.world.rest();
      this.#look();
    }
    await this.#calm();
    expect(this.#reached).toEqual(this.#sentCount);
  }

  async #step(roll: number): Promise<void> {
    if (roll < 35) return this.#send();
    if (roll < 45) return this.#tell();
    if (roll < 50) return this.#members.length < 3 ? this.#join() : undefined;
    if (roll < 56) return this.#loseMember();
    if (roll < 66) return this.#disturb();
    if (roll < 72) return this.#killOrRestart();
    return this.#advance(this.random.below(this.random.chance(0.25) ? 90_000 : 8_000));
  }

  /** A send while the broker is away, or is not known to be back yet, is refused and the message not sent. */
  async #send(): Promise<void> {
    const queueId = this.random.below(QUEUES.length);
    const queue = QUEUES[queueId]!;
    const index = this.#sentCount.get(queue)! + 1;
    if (!this.stage.broker('b1').isRunning) return;
    const message = { topic: 'T', body: `${queue}${index}` };
    const outcome = await this.stage.send('p', message, { brokerName: 'b1', queueId }).then(
      () => 'stored',
      (error: unknown) => String(error),
    );
    this.note(`sends ${message.body}: ${outcome}`);
    if (outcome === 'stored') this.#sentCount.set(queue, index);
  }

  #tell(): void {
    const queue = this.pick(QUEUES);
    const body = `${queue}${1 + this.random.below(this.#sentCount.get(queue)! + 1)}`;
    const member = this.pick(this.#members);
    const behaviour = this.pick(behaviours);
    this.stage.consumer(member).set(body, behaviour);
    this.note(`${member} ${behaviour} ${body}`);
  }

  #join(): void {
    const name = `c${++this.#joinCount}`;
    this.note(`${name} joins`);
    this.stage.addConsumer(name, {
      consumerGroup: 'G',
      topics: ['T'],
      isOrderly: true,
      // Every other member takes batches.
      ...(this.#joinCount % 2 === 0 && { consumeMessageBatchMaxSize: 3 }),
    });
    this.#members.push(name);
  }

  #loseMember(): void {
    if (this.#members.length < 2) return;
    const name = this.pick(this.#members);
    this.#members = this.#members.filter((other) => other !== name);
    const isDeath = this.random.chance(0.5);
    this.note(`${name} ${isDeath ? 'dies' : 'leaves'}`);
    if (isDeath) this.stage.consumer(name).kill();
    else this.stage.consumer(name).leave();
  }

  #disturb(): void {
    const name = this.pick(this.#members);
    const how = this.pick(['cutOff', 'silence', 'reconnect', 'reconnect'] as const);
    this.note(`${name} ${how}`);
    this.stage.consumer(name)[how]();
  }

  async #killOrRestart(): Promise<void> {
    const broker = this.stage.broker('b1');
    this.note(broker.isRunning ? 'the broker is killed' : 'the broker restarts');
    await (broker.isRunning ? broker.kill() : broker.start());
  }

  async #advance(ms: number): Promise<void> {
    this.note(`${ms} ms pass`);
    for (let leftMs = ms; leftMs > 0; leftMs -= 500) {
      await this.stage.world.advance(Math.min(leftMs, 500));
      this.#look();
    }
  }

  async #calm(): Promise<void> {
    if (!this.stage.broker('b1').isRunning) await this.#killOrRestart();
    for (const name of this.#members) {
      const member = this.stage.consumer(name);
      member.reconnect();
      for (const [queue, count] of this.#sentCount) {
        for (let index = 1; index <= count + 1; index++) member.set(`${queue}${index}`, 'consumes');
      }
    }
    // As long as a silent member is taken for one, a lock lives, and queues are shared out anew.
    await this.#advance(300_000);
  }

  #look(): void {
    for (const [name, consumer] of this.stage.consumers) {
      for (const message of consumer.news()) {
        const body = message.text();
        this.note(`    ${name} got ${body}:${message.reconsumeTimes}`);
        const reached = this.#reached.get(body[0]!)!;
        const index = Number(body.slice(1));
        if (index > reached + 1) throw new Error(`${body} came before ${body[0]}${reached + 1}`);
        this.#reached.set(body[0]!, Math.max(reached, index));
      }
      consumer.takeNews();
    }
  }
}

describe('consuming in order', () => {
  itPlaysBySeed('skips nothing, whatever happens to its members and its broker', 4, ChaosRun);
});
