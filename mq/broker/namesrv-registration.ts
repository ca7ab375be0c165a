import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { requestCommand, type RemotingCommand } from '../protocol/frame.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import { bodyCrc } from '../protocol/message.ts';
import { registerBroker } from '../protocol/requests/register-broker.ts';
import { unregisterBroker } from '../protocol/requests/unregister-broker.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { Permission } from '../protocol/sys-flag.ts';
import { encodeRegisterBrokerBody } from '../protocol/topic-config.ts';
import type { RemotingClient } from '../remoting/remoting-client.ts';
import { namesrvAddresses, type BrokerConfig } from './config.ts';
import type { TopicConfigs } from './topic-configs.ts';

export interface NamesrvRegistrationDeps {
  readonly config: BrokerConfig;
  readonly topics: TopicConfigs;
  readonly client: RemotingClient;
  /** Final only once the broker listens, hence asked each time. */
  readonly advertised: () => HostAddress;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** First wait after a failed registration; doubles up to the ordinary period. */
const FIRST_RETRY_MS = 1_000;
/** How long a change of the topic table waits for name servers that do not answer. */
const ANNOUNCE_WAIT_MS = 1_000;
const UNREGISTER_TIMEOUT_MS = 1_000;

/**
 * Tells every name server where this broker is and which topics it has: when the table changes, every
 * registerNameServerPeriod, and sooner again after a failure or a lost connection.
 *
 * Name servers know nothing of each other, so each is told on its own: one that is away delays nobody else, and the
 * broker serves whoever knows its address while all of them are.
 */
export class NamesrvRegistration {
  readonly #deps: NamesrvRegistrationDeps;
  readonly #nameServers: readonly NameServerLink[];
  #isStarted = false;

  constructor(deps: NamesrvRegistrationDeps) {
    this.#deps = deps;
    this.#nameServers = namesrvAddresses(deps.config.namesrvAddr).map(
      (address) => new NameServerLink(address, () => this.#registration(), deps),
    );
    deps.topics.onChange(() => this.announce());
    deps.client.onClose((address) => {
      for (const link of this.#nameServers) if (link.address === address) link.connectionLost();
    });
  }

  /** How many name servers answered the last registration with success, for operators. */
  get registeredCount(): number {
    return this.#nameServers.filter((link) => link.isRegistered).length;
  }

  /** The first registration. Settles when every name server has been told or has had its time; never rejects. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.announce();
  }

  /**
   * Registers the table as it is now. Settles when every name server that answers within a second has it; the others
   * are tried again. Never rejects.
   */
  async announce(): Promise<void> {
    if (!this.#isStarted || this.#nameServers.length === 0) return;
    const { clock } = this.#deps;
    const told = Promise.all(this.#nameServers.map((link) => link.register()));
    let timer: TimerHandle | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, ANNOUNCE_WAIT_MS);
    });
    await Promise.race([told, waited]);
    clock.clearTimeout(timer);
  }

  /** Takes this broker out of all routes. Name servers that are away forget it by themselves. */
  async close(): Promise<void> {
    this.#isStarted = false;
    const { config, advertised } = this.#deps;
    const command = requestCommand({
      code: unregisterBroker.code,
      extFields: unregisterBroker.encodeRequest({
        brokerName: config.brokerName,
        brokerAddr: formatHostPort(advertised()),
        clusterName: config.brokerClusterName,
        brokerId: config.brokerId,
      }),
    });
    await Promise.all(this.#nameServers.map((link) => link.close(command)));
  }

  #registration(): RemotingCommand {
    const { config, topics, advertised } = this.#deps;
    const address = advertised();
    const isReadWrite = config.brokerPermission === (Permission.READ | Permission.WRITE);
    const body = encodeRegisterBrokerBody({
      dataVersion: topics.dataVersion,
      topicConfigTable: new Map(
        [...topics.all()].map((topic) => [
          topic.topicName,
          // What the whole broker does not allow, none of its topics does.
          isReadWrite ? topic : { ...topic, perm: topic.perm & config.brokerPermission },
        ]),
      ),
      filterServerList: [],
    });
    return requestCommand({
      code: registerBroker.code,
      extFields: registerBroker.encodeRequest({
        brokerName: config.brokerName,
        brokerAddr: formatHostPort(address),
        clusterName: config.brokerClusterName,
        haServerAddr: formatHostPort({ address: address.address, port: config.haListenPort }),
        brokerId: config.brokerId,
        compressed: false,
        bodyCrc32: bodyCrc(body),
        wholeTable: true,
      }),
      body,
    });
  }
}

/** One name server, as this broker sees it. */
class NameServerLink {
  readonly address: string;
  readonly #registration: () => RemotingCommand;
  readonly #deps: NamesrvRegistrationDeps;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failureCount = 0;
  #isClosed = false;
  isRegistered = false;

  constructor(address: string, registration: () => RemotingCommand, deps: NamesrvRegistrationDeps) {
    this.address = address;
    this.#registration = registration;
    this.#deps = deps;
  }

  /** One registration at a time; a call during one waits for another, because the running one may lack the latest change. */
  register(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#running === undefined) {
      this.#running = this.#registerNow().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.register();
    });
    return this.#next;
  }

  /** A name server forgets a broker whose connection closes, so the ordinary period would be too long a wait. */
  connectionLost(): void {
    this.isRegistered = false;
    if (!this.#isClosed && this.#running === undefined) this.#registerAfter(FIRST_RETRY_MS);
  }

  async close(unregister: RemotingCommand): Promise<void> {
    this.#isClosed = true;
    this.#deps.clock.clearTimeout(this.#timer);
    // Not after a registration that is still under way: it would bring the broker back.
    await this.#running;
    if (!this.#deps.client.isConnected(this.address)) return;
    try {
      await this.#request(unregister, UNREGISTER_TIMEOUT_MS);
    } catch (cause) {
      this.#deps.logger.warn(`could not unregister from name server ${this.address}`, { cause });
    }
  }

  async #registerNow(): Promise<void> {
    const { config, logger } = this.#deps;
    this.#deps.clock.clearTimeout(this.#timer);
    try {
      await this.#request(this.#registration(), config.registerBrokerTimeoutMills);
      if (!this.isRegistered) logger.info(`registered with name server ${this.address}`);
      this.isRegistered = true;
      this.#failureCount = 0;
    } catch (cause) {
      this.isRegistered = false;
      this.#failureCount++;
      // One line when it goes away, not one every try.
      if (this.#failureCount === 1) {
        logger.warn(`name server ${this.address} not reached, trying on: ${messageOf(cause)}`);
      }
    }
    const period = config.registerNameServerPeriod;
    this.#registerAfter(
      this.#failureCount === 0
        ? period
        : Math.min(period, FIRST_RETRY_MS * 2 ** (this.#failureCount - 1)),
    );
  }

  #registerAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = this.#deps.clock.setTimeout(() => void this.register(), delayMs);
    this.#timer.unref();
  }

  async #request(command: RemotingCommand, timeoutMs: number): Promise<void> {
    const reply = await this.#deps.client.request(this.address, command, { timeoutMs });
    if (reply.code === ResponseCode.SUCCESS) return;
    throw new MqError(
      'SYSTEM_ERROR',
      `name server ${this.address} answered ${reply.code}: ${reply.remark ?? 'no remark'}`,
    );
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
