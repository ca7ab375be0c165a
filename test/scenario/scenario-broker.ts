import { RequestCode, type RequestCodeName } from '../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../mq/protocol/response-code.ts';
import type { Intercept } from '../../mq/remoting/processor.ts';
import { startBroker, type Broker, type BrokerConfig } from '../../mq/server.ts';
import { within } from '../support/deadline.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import type { SimulatedProcess, World } from './world.ts';

/** A broker on a disk of its own, which outlives it. */
export class ScenarioBroker {
  readonly logger = new RecordingLogger();
  readonly #world: World;
  readonly #config: Partial<BrokerConfig>;
  readonly #disk = new FaultyFiles();
  readonly #refused = new Set<number>();
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
          intercept: this.#intercept,
          logger: this.logger,
        },
      ),
    );
    this.#port = Number(this.#broker.address.split(':')[1]);
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

  refuse(request: RequestCodeName): void {
    this.#refused.add(RequestCode[request]);
  }

  accept(request: RequestCodeName): void {
    this.#refused.delete(RequestCode[request]);
  }

  readonly #intercept: Intercept = (request, connection, next) => {
    if (!this.#refused.has(request.code)) return next(request, connection);
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'refused by the scenario' };
  };
}
