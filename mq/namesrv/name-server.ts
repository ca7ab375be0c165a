import { systemClock, type Clock, type TimerHandle } from '../clock.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import { ServerEndpoint } from '../metrics/server-endpoint.ts';
import type { Connection } from '../remoting/connection.ts';
import { intercepted, type Intercept } from '../remoting/processor.ts';
import { RemotingServer } from '../remoting/remoting-server.ts';
import { JsonConfigFile } from '../store/config-file.ts';
import { nodeFiles } from '../store/files.ts';
import type { NameServerConfig } from './config.ts';
import { KvConfig } from './kv-config.ts';
import { watchedNameServer } from './name-server-metrics.ts';
import { nameServerProcessors } from './processors/index.ts';
import { RouteInfo, type BrokerIdentity } from './route-info.ts';

/** What a name server takes from the machine; tests pass their own. */
export interface NameServerDeps {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Called for every request before its processor. */
  readonly intercept?: Intercept;
  /** Its sockets do not keep the process alive. */
  readonly isBackground?: boolean;
}

type Started = Required<Omit<NameServerDeps, 'intercept'>> & {
  readonly intercept: Intercept | undefined;
};

/**
 * A running name server: brokers tell it where they are, clients ask it. Several of them share nothing;
 * a broker registers with each.
 */
export class NameServer implements AsyncDisposable {
  /** `host:port` as clients of this machine dial it. */
  readonly address: string;
  readonly #server: RemotingServer;
  readonly #endpoint: ServerEndpoint | undefined;
  readonly #clock: Clock;
  readonly #scan: TimerHandle;

  private constructor(
    address: HostAddress,
    server: RemotingServer,
    endpoint: ServerEndpoint | undefined,
    clock: Clock,
    scan: TimerHandle,
  ) {
    this.address = formatHostPort(dialable(address));
    this.#server = server;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#scan = scan;
  }

  /** Errors: CONFIG_INVALID when the port cannot be used, STORE_FAILED when the KV file cannot be understood. */
  static async start(
    config: NameServerConfig,
    {
      clock = systemClock,
      logger = silentLogger,
      intercept,
      isBackground = false,
    }: NameServerDeps = {},
  ): Promise<NameServer> {
    const endpoint = await ServerEndpoint.start(config, {
      labels: { node_type: 'nameserver' },
      isBackground,
      logger,
    });
    try {
      return await NameServer.#start(config, { clock, logger, intercept, isBackground }, endpoint);
    } catch (error) {
      await endpoint?.close();
      throw error;
    }
  }

  static async #start(
    config: NameServerConfig,
    { clock, logger, intercept, isBackground }: Started,
    endpoint: ServerEndpoint | undefined,
  ): Promise<NameServer> {
    const routes = new RouteInfo();
    const kvFile =
      config.kvConfigPath === ''
        ? undefined
        : new JsonConfigFile(config.kvConfigPath, nodeFiles, logger);
    const kv = await KvConfig.load(kvFile);
    const report = (brokers: readonly BrokerIdentity[], why: string): void => {
      for (const broker of brokers) logger.warn(`broker removed: ${why}`, { ...broker });
    };
    const processors = nameServerProcessors({ config, routes, kv, clock, logger });
    const server = new RemotingServer({
      host: config.bindAddress,
      port: config.listenPort,
      processors: intercept === undefined ? processors : intercepted(processors, intercept),
      idleTimeoutMs: config.serverChannelMaxIdleTimeSeconds * 1000,
      isBackground,
      logger,
      clock,
      onAnswered: endpoint?.onAnswered,
      onClose: (connection) =>
        report(routes.channelClosed(connection.id), 'its connection is closed'),
    });
    const address = await server.start();
    const scan = clock.setInterval(() => {
      report(routes.expire(clock.monotonicMs()), 'it stopped registering');
    }, config.scanNotActiveBrokerInterval);
    endpoint?.serves(watchedNameServer(routes, () => server.connections()));
    return new NameServer(address, server, endpoint, clock, scan);
  }

  /** Where metrics and health are served, host:port; undefined with metricsExporterType DISABLE. */
  get metricsAddress(): string | undefined {
    return this.#endpoint?.address;
  }

  connections(): Iterable<Connection> {
    return this.#server.connections();
  }

  async close(): Promise<void> {
    this.#clock.clearInterval(this.#scan);
    this.#endpoint?.stops();
    try {
      await this.#server.close();
    } finally {
      await this.#endpoint?.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A wildcard address can be listened on, not dialled. */
function dialable({ address, port }: HostAddress): HostAddress {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port };
  if (address === '::') return { address: '::1', port };
  return { address, port };
}
