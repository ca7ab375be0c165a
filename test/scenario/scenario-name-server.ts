import { nameServerConfig } from '../../mq/namesrv/config.ts';
import { NameServer } from '../../mq/namesrv/name-server.ts';
import { within } from '../support/deadline.ts';
import { Refusals } from './refusals.ts';
import type { SimulatedProcess, World } from './world.ts';

/** A name server. It has no disk: when it comes back it knows nobody until the brokers have registered again. */
export class ScenarioNameServer {
  readonly refusals = new Refusals();
  readonly #world: World;
  #process: SimulatedProcess | undefined;
  #server: NameServer | undefined;
  #port = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  /** Of one that has run: the same whenever it runs. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const process = this.#world.process();
    this.#process = process;
    this.#server = await process.run(() =>
      NameServer.start(nameServerConfig({ listenPort: this.#port, kvConfigPath: '' }), {
        clock: process.clock,
        intercept: this.refusals.intercept(process.clock),
      }),
    );
    this.#port = Number(this.#server.address.split(':')[1]);
  }

  /** As `kill -9`; it has nothing to save, so that is all its ends. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) throw new Error('it is not running');
    this.#server = undefined;
    this.#process!.kill();
    for (const connection of server.connections()) connection.destroy();
    await within(server.close(), 'the end of a killed name server');
  }
}
