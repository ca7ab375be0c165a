/** Millrace's servers, for programs that embed them. The command `millrace` is built on the same functions. */
import { join } from 'node:path';
import { brokerConfig, type BrokerConfig } from './broker/config.ts';
import { Broker, type BrokerDeps } from './broker/broker.ts';
import { devConfig, type DevConfig } from './dev-config.ts';
import { nameServerConfig, type NameServerConfig } from './namesrv/config.ts';
import { NameServer, type NameServerDeps } from './namesrv/name-server.ts';

export type {
  Broker,
  BrokerConfig,
  BrokerDeps,
  DevConfig,
  NameServer,
  NameServerConfig,
  NameServerDeps,
};
export { MqError } from './errors.ts';
export { consoleLogger, silentLogger, type Logger } from './logger.ts';

/**
 * Starts a name server and resolves when it listens.
 *
 * Errors: CONFIG_INVALID naming every bad setting, or the port that is taken.
 */
export async function startNameServer(
  config: Partial<NameServerConfig> = {},
  deps: NameServerDeps = {},
): Promise<NameServer> {
  return await NameServer.start(nameServerConfig(config), deps);
}

/**
 * Starts a broker and resolves when it has recovered its store, listens and has tried to register once.
 *
 * Errors: CONFIG_INVALID naming every bad setting; STORE_FAILED when the store cannot be opened.
 */
export async function startBroker(
  config: Partial<BrokerConfig> = {},
  deps: BrokerDeps = {},
): Promise<Broker> {
  return await Broker.start(brokerConfig(config), deps);
}

/** A name server and a broker in one process, topics created when first used. */
export interface DevServers extends AsyncDisposable {
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  readonly nameServer: NameServer;
  readonly broker: Broker;
  close(): Promise<void>;
}

/** Starts what `millrace dev` runs. Errors: those of the two; when the broker fails, the name server is closed. */
export async function startDev(
  config: Partial<DevConfig> & Partial<BrokerConfig> = {},
  deps: BrokerDeps = {},
): Promise<DevServers> {
  const { clock, logger, isBackground, peerClock = clock } = deps;
  const defaults = devConfig();
  const {
    namesrvPort = defaults.namesrvPort,
    storePathRootDir = defaults.storePathRootDir,
    ...rest
  } = config;
  const nameServer = await startNameServer(
    {
      ...(rest.bindAddress === undefined ? {} : { bindAddress: rest.bindAddress }),
      ...(rest.allowNonLoopback === undefined ? {} : { allowNonLoopback: rest.allowNonLoopback }),
      listenPort: namesrvPort,
      kvConfigPath: join(storePathRootDir, 'config', 'kvConfig.json'),
    },
    {
      ...(peerClock === undefined ? {} : { clock: peerClock }),
      ...(logger === undefined ? {} : { logger }),
      ...(isBackground === undefined ? {} : { isBackground }),
    },
  );
  const broker = await startBroker(
    {
      autoCreateTopicEnable: true,
      ...rest,
      storePathRootDir,
      namesrvAddr: nameServer.address,
    },
    deps,
  ).catch(async (error: unknown) => {
    await nameServer.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    try {
      await broker.close();
    } finally {
      await nameServer.close();
    }
  };
  return {
    namesrvAddr: nameServer.address,
    brokerAddr: broker.address,
    nameServer,
    broker,
    close,
    [Symbol.asyncDispose]: close,
  };
}
