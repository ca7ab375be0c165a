import { startBroker, type Broker, type BrokerConfig } from '../../mq/server.ts';
import { within } from '../support/deadline.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { Refusals } from './refusals.ts';
import type { SimulatedProcess, World } from './world.ts';

/** A broker on a disk of its own, which outlives it. */
export class ScenarioBroker {
  readonly logger = new RecordingLogger();
  readonly refusals = new Refusals();
  readonly #world: World;
  #config: Partial<BrokerConfig>;
  readonly #disk = new FaultyFiles();
  #process: SimulatedProcess | undefined;
  #broker: Broker | undefined;
  #port = 0;

  constructor(world: World, config: Partial<BrokerConfig>) {
    this.#world = world;
    this.#config = config;
  }

  get isRunning(): boolean {
    return this.#broker !== undefined;
  }

  get running(): Broker {
    if (this.#broker === undefined)
      throw new Error(`broker ${this.#config.brokerName} is not running`);
    return this.#broker;
  }

  async start(): Promise<void> {
    const process = this.#world.process();
    this.#process = process;
    this.#broker = await process.run(() =>
      startBroker(
        { ...this.#config, listenPort: this.#port, storePathRootDir: '/store' },
        {
          clock: process.clock,
          files: this.#disk.process(),
          intercept: this.refusals.intercept(process.clock),
          logger: this.logger,
        },
      ),
    );
    this.#port = Number(this.#broker.address.split(':')[1]);
  }

  /** From its next start on. */
  rename(brokerName: string): void {
    this.#config = { ...this.#config, brokerName };
  }

  async stop(): Promise<void> {
    const broker = this.running;
    this.#broker = undefined;
    await this.#process!.run(() => broker.close());
  }

  /** As `kill -9`: what it wrote is on its disk, everything else is gone, and its connections break. */
  async kill(how: 'kill' | 'power cut' = 'kill'): Promise<void> {
    const broker = this.running;
    this.#broker = undefined;
    if (how === 'kill') this.#disk.killProcess();
    else this.#disk.cutPower();
    this.#process!.kill();
    for (const connection of broker.context.connections()) connection.destroy();
    // Frees the port. It has no disk, no time and no sockets any more, so nothing else comes of it.
    const closed = broker.close().then(
      () => undefined,
      () => undefined,
    );
    await within(closed, 'the end of a killed broker');
  }
}
