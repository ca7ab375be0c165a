import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../../infra/free-port.ts';
import { Admin } from '../../../mq/index.ts';
import { TestProcess } from '../../support/process.ts';

const millrace = resolve(import.meta.dirname, '..', '..', '..', 'mq', 'bin', 'millrace.js');

/** When the cluster before has ended. */
let turn: Promise<void> = Promise.resolve();

/** Two brokers of ours, broker-a and broker-b, and a name server, for a test that does to them what others would mind. */
export class OurBrokers implements AsyncDisposable {
  readonly namesrvAddr: string;
  readonly admin: Admin;
  readonly #directory: string;
  readonly #nameServer: TestProcess;
  readonly #brokers: TestProcess;
  readonly #onEnd: () => void;

  private constructor(
    namesrvAddr: string,
    directory: string,
    nameServer: TestProcess,
    brokers: TestProcess,
    onEnd: () => void,
  ) {
    this.namesrvAddr = namesrvAddr;
    this.admin = new Admin({ namesrvAddr, requestTimeoutMs: 30_000 });
    this.#directory = directory;
    this.#nameServer = nameServer;
    this.#brokers = brokers;
    this.#onEnd = onEnd;
  }

  /** One after another: clients time out after three seconds, and a small machine has no time for many clusters at once. */
  static async start(): Promise<OurBrokers> {
    const before = turn;
    let end: () => void = () => undefined;
    turn = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    try {
      return await OurBrokers.#start(end);
    } catch (error) {
      end();
      throw error;
    }
  }

  static async #start(onEnd: () => void): Promise<OurBrokers> {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-brokers-'));
    const namesrvPort = await freePort();
    const namesrvAddr = `127.0.0.1:${namesrvPort}`;
    const nameServer = await TestProcess.start({
      args: [millrace, 'nameserver', `--listen-port=${namesrvPort}`, '--kv-config-path='],
      ready: /ready in \d+ ms/,
    });
    try {
      const brokers = await TestProcess.start({
        args: [
          millrace,
          'broker',
          '--count=2',
          `--listen-port=${await freePort()}`,
          `--namesrv-addr=${namesrvAddr}`,
          `--store-path-root-dir=${directory}`,
          '--flush-disk-type=ASYNC_FLUSH',
        ],
        ready: /2 brokers, .* ready in/,
      });
      return new OurBrokers(namesrvAddr, directory, nameServer, brokers, onEnd);
    } catch (error) {
      await nameServer[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** By SIGKILL. It is started again in a second. */
  kill(brokerName: string): void {
    const supervisor = this.#brokers.pid;
    const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
    const pid = children
      .split(' ')
      .filter(Boolean)
      .find((each) =>
        readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(`--broker-name=${brokerName}\0`),
      );
    process.kill(Number(pid), 'SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.admin.shutdown();
      await this.#brokers[Symbol.asyncDispose]();
      await this.#nameServer[Symbol.asyncDispose]();
      await rm(this.#directory, { recursive: true, force: true });
    } finally {
      this.#onEnd();
    }
  }
}
