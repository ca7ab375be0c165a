import { describe, expect, it } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import { dlqTopic } from '../../../mq/protocol/names.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { GROUP, nextLife, PopsUnderTest, type PoppedMessage } from './pops-under-test.ts';

const SEEDS = 60;
const STEPS = 120;
const RETRY_MAX_TIMES = 3;
const MAX_INVISIBLE_MS = 40_000;
/** What a kill may repeat: what is only in memory, and the progress that was not saved. */
const REPEATABLE_MS = 10_000 + 1_000 + 5_000 + 1_000;

/** What a member of the group knows of a message. */
interface Held {
  readonly popped: PoppedMessage;
  /** By message time; after it the message may come again. */
  readonly untilMs: number;
  readonly life: number;
}

/** A group with members that pop, acknowledge, ask for more time or forget; a broker that is stopped, killed and without space. */
class Chaos {
  readonly #random: SeededRandom;
  readonly #disk: FaultyFiles;
  readonly #sent = new Set<string>();
  /** Acknowledged, and when. */
  readonly #acked = new Map<string, number>();
  readonly #held = new Map<string, Held>();
  /** Acknowledged in vain, or just before a kill; or there may be two of it, because a kill came between a copy and the progress. */
  readonly #mayRepeat = new Set<string>();
  readonly #poppedAtMs = new Map<string, number>();
  #broker!: PopsUnderTest;
  #life = 0;
  #faultAtMs = -Infinity;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#disk = new FaultyFiles(seed);
  }

  async run(): Promise<void> {
    await this.#start(new FakeClock());
    for (let step = 0; step < STEPS; step++) await this.#step();
    await this.#drain();
    await this.#broker.close();
  }

  async #start(clock: FakeClock): Promise<void> {
    this.#broker = await PopsUnderTest.open(this.#disk.process(), {
      clock,
      threshold: 40,
      retryMaxTimes: RETRY_MAX_TIMES,
      store: { diskMaxUsedPercent: 100, diskMinFreeBytes: 0 },
    });
  }

  get #nowMs(): number {
    return this.#broker.clock.now();
  }

  async #step(): Promise<void> {
    const die = this.#random.below(100);
    if (die < 20) await this.#send();
    else if (die < 50) await this.#pop(this.#random.below(8) + 1);
    else if (die < 70) await this.#ackSome();
    else if (die < 78) await this.#changeOne();
    else if (die < 92) await this.#broker.advance(this.#random.below(8_000));
    else if (die < 95) this.#failWrite();
    else if (die < 97) await this.#stop();
    else await this.#kill();
  }

  async #send(): Promise<void> {
    const body = `m${this.#sent.size}`;
    try {
      await this.#broker.send(body, this.#random.below(2));
      this.#sent.add(body);
    } catch (cause) {
      assertRefusal(cause);
    }
  }

  async #pop(max: number): Promise<void> {
    const invisibleMs = 1_000 + this.#random.below(MAX_INVISIBLE_MS - 1_000);
    const popped = await this.#broker.pop({ max, invisibleMs });
    for (const each of popped) {
      const held = this.#held.get(each.body);
      const isInvisible =
        held !== undefined && held.life === this.#life && held.untilMs > this.#nowMs;
      if (
        isInvisible &&
        (placeOf(held.popped) === placeOf(each) || !this.#mayRepeat.has(each.body))
      ) {
        throw new Error(`${each.body} is popped although it is invisible until ${held.untilMs}`);
      }
      if (this.#acked.has(each.body) && !this.#mayRepeat.has(each.body)) {
        throw new Error(`${each.body} comes again although it was acknowledged`);
      }
      this.#hold(each, invisibleMs);
    }
  }

  #hold(popped: PoppedMessage, invisibleMs: number): void {
    const untilMs = this.#nowMs + invisibleMs;
    this.#poppedAtMs.set(popped.body, this.#nowMs);
    this.#held.set(popped.body, { popped, untilMs, life: this.#life });
  }

  async #ackSome(): Promise<void> {
    const held = this.#random.shuffled([...this.#held.values()]);
    for (const each of held.slice(0, this.#random.below(6))) await this.#ack(each);
  }

  async #ack({ popped, untilMs, life }: Held): Promise<void> {
    const { body } = popped;
    // What is late may be acknowledged in vain; a broker that was started since may have popped it once more.
    const isInTime = untilMs > this.#nowMs && life === this.#life;
    try {
      await this.#broker.ack(popped);
      if (this.#random.chance(0.2)) await this.#broker.ack(popped);
    } catch (cause) {
      assertRefusal(cause);
      return;
    }
    this.#held.delete(body);
    this.#acked.set(body, this.#nowMs);
    if (!isInTime) this.#mayRepeat.add(body);
  }

  async #changeOne(): Promise<void> {
    const [held] = this.#random.shuffled([...this.#held.values()]);
    if (held === undefined) return;
    const invisibleMs = this.#random.below(30_000);
    try {
      this.#hold(await this.#broker.change(held.popped, invisibleMs), invisibleMs);
    } catch (cause) {
      if (!MqError.is(cause) || cause.code !== 'NO_MESSAGE') assertRefusal(cause);
    }
  }

  #failWrite(): void {
    this.#disk.failNext('write', {
      path: 'commitlog',
      code: 'ENOSPC',
      afterBytes: this.#random.below(200),
    });
    this.#faultAtMs = this.#nowMs;
  }

  async #stop(): Promise<void> {
    const { clock } = this.#broker;
    const wasDiskFull = this.#nowMs - this.#faultAtMs < 60_000;
    await this.#broker.close();
    this.#disk.killProcess();
    if (wasDiskFull) this.#forgetMemory();
    await this.#start(nextLife(clock, this.#random.below(5_000)));
    if (wasDiskFull) this.#life++;
  }

  async #kill(): Promise<void> {
    const { clock } = this.#broker;
    this.#disk.killProcess();
    this.#forgetMemory();
    this.#life++;
    await this.#start(nextLife(clock, this.#random.below(5_000)));
  }

  #forgetMemory(): void {
    for (const [body, poppedAtMs] of this.#poppedAtMs) {
      const latestMs = Math.max(poppedAtMs, this.#acked.get(body) ?? 0);
      if (this.#nowMs - latestMs <= REPEATABLE_MS + MAX_INVISIBLE_MS) this.#mayRepeat.add(body);
    }
  }

  /** Until everything was acknowledged, or is in the DLQ. */
  async #drain(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      await this.#broker.advance(5_000);
      await this.#pop(32);
      for (const held of this.#held.values()) {
        if (held.untilMs > this.#nowMs) await this.#ack(held);
        else this.#held.delete(held.popped.body);
      }
      if (this.#broker.pops.invisibleCount === 0 && round > 10) break;
    }
    const dead = new Set(await this.#broker.bodies(dlqTopic(GROUP)));
    const lost = [...this.#sent].filter((body) => !this.#acked.has(body) && !dead.has(body));
    expect(lost).toEqual([]);
    expect(this.#broker.pops.invisibleCount).toBe(0);
    for (const queueId of [0, 1]) {
      const end = this.#broker.store.maxOffset('TopicA', queueId);
      if (end > 0) expect(this.#broker.offset(queueId)).toBe(end);
    }
  }
}

function placeOf({ topic, queueId, queueOffset }: PoppedMessage): string {
  return `${topic}:${queueId}:${queueOffset}`;
}

/** The store has no room: nothing has happened. */
function assertRefusal(cause: unknown): void {
  if (MqError.is(cause) && cause.code === 'SERVICE_NOT_AVAILABLE') return;
  throw cause;
}

describe('a group that pops, whatever happens', () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'loses nothing, shares nothing and repeats nothing it need not, seed %d',
    async (seed) => {
      await new Chaos(seed).run();
    },
  );
});
