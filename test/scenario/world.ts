import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Clock, TimerHandle } from '../../mq/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Turns of the event loop without a sign of life after which nothing is on its way any more. */
const CALM_TURNS = 12;
/** The same for what a timer did that has only read the clock: at most it wrote to a socket. */
const GLANCE_TURNS = 3;
/** A world that is busy for so long without its clock moving is in a loop. */
const MAX_TURNS = 50_000;

/**
 * Processes that share this one: each has the world's clock and its own sockets, and can be killed.
 *
 * What a process does is told from the others by the asynchronous context it runs in. The clock stands still until
 * it is told to advance, and each step of it waits until everything that runs has come to rest. Whoever sends,
 * receives or waits reads the clock, so rest is: nobody has asked for the time for some turns of the event loop.
 */
export class World implements Disposable {
  readonly clock = new FakeClock();
  readonly #context = new AsyncLocalStorage<SimulatedProcess>();
  readonly #onClientSocket = (message: unknown): void => {
    this.#context.getStore()?.owns((message as { socket: Socket }).socket);
  };
  /** How often anybody has looked at the clock, and how often anybody has begun or ceased to wait. */
  readonly #signs = { looks: 0, waits: 0 };

  constructor() {
    diagnostics.subscribe('net.client.socket', this.#onClientSocket);
  }

  process(): SimulatedProcess {
    return new SimulatedProcess(this.clock, this.#context, this.#signs);
  }

  /** Errors: a world that does not come to rest. */
  async rest(): Promise<void> {
    let turns = 0;
    while (!(await this.#isCalmFor(CALM_TURNS))) {
      turns += CALM_TURNS;
      if (turns > MAX_TURNS) throw new Error(`busy for over ${MAX_TURNS} turns of the event loop`);
    }
  }

  async advance(ms: number): Promise<void> {
    await this.rest();
    let before = { ...this.#signs };
    await this.clock.advanceAndSettle(ms, async () => {
      const { looks, waits } = this.#signs;
      // Most timers find nothing to do.
      if (looks === before.looks && waits === before.waits) return;
      const mayBeAll = waits === before.waits;
      if (!mayBeAll || !(await this.#isCalmFor(GLANCE_TURNS))) await this.rest();
      before = { ...this.#signs };
    });
  }

  async #isCalmFor(turnCount: number): Promise<boolean> {
    const { looks, waits } = this.#signs;
    for (let turn = 0; turn < turnCount; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (looks !== this.#signs.looks || waits !== this.#signs.waits) return false;
    }
    return true;
  }

  [Symbol.dispose](): void {
    diagnostics.unsubscribe('net.client.socket', this.#onClientSocket);
  }
}

/** One process of a world. Killed, it neither wakes up nor sends any more, and its peers see its connections break. */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly #context: AsyncLocalStorage<SimulatedProcess>;
  readonly #sockets = new Set<Socket>();
  #isKilled = false;
  #isCutOff = false;

  constructor(
    base: FakeClock,
    context: AsyncLocalStorage<SimulatedProcess>,
    signs: { looks: number; waits: number },
  ) {
    this.#context = context;
    const alive = (callback: () => void) => () => {
      if (!this.#isKilled) this.run(callback);
    };
    const noting = <A extends unknown[], R>(
      sign: 'looks' | 'waits',
      method: (...parameters: A) => R,
    ) => {
      return (...parameters: A): R => {
        if (!this.#isKilled) signs[sign]++;
        return method(...parameters);
      };
    };
    this.clock = {
      now: noting('looks', () => base.now()),
      monotonicMs: noting('looks', () => base.monotonicMs()),
      setTimeout: noting('waits', (callback: () => void, delayMs: number): TimerHandle =>
        base.setTimeout(alive(callback), delayMs),
      ),
      setInterval: noting('waits', (callback: () => void, periodMs: number): TimerHandle =>
        base.setInterval(alive(callback), periodMs),
      ),
      clearTimeout: noting('waits', (handle: TimerHandle | undefined) => base.clearTimeout(handle)),
      clearInterval: noting('waits', (handle: TimerHandle | undefined) =>
        base.clearInterval(handle),
      ),
    };
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  run<T>(work: () => T): T {
    return this.#context.run(this, work);
  }

  owns(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Once it has begun to connect: one that is destroyed before connects all the same.
    if (this.#isKilled || this.#isCutOff) queueMicrotask(() => socket.destroy());
  }

  kill(): void {
    this.#isKilled = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Goes on, but reaches nobody. */
  cutOff(): void {
    this.#isCutOff = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Goes on, but neither side hears the other, and neither is told. */
  silence(): void {
    this.#isCutOff = true;
    for (const socket of this.#sockets) {
      socket.cork();
      socket.pause();
    }
  }

  /** Ends whatever kept it from its peers. */
  reconnect(): void {
    this.#isCutOff = false;
    for (const socket of this.#sockets) {
      socket.uncork();
      socket.resume();
    }
  }
}
