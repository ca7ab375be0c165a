import { addressOf, type BrokerKind } from '@millrace/loadtest';
import { OfficialServers } from '../rocketmq/official-servers.ts';

/** Heap and collector of its own bin/runbroker.sh, with 2 GiB. Memory is not touched before it is used. */
const brokerJvmFlags = [
  '-server',
  '-Xms2g',
  '-Xmx2g',
  '-XX:+UseG1GC',
  '-XX:G1HeapRegionSize=16m',
  '-XX:G1ReservePercent=25',
  '-XX:InitiatingHeapOccupancyPercent=30',
  '-XX:SoftRefLRUPolicyMSPerMB=0',
  '-XX:MaxDirectMemorySize=15g',
  '-XX:-UseLargePages',
] as const;

/** Apache RocketMQ's own broker with its own defaults. */
export function rocketmqBroker(classpath: string): BrokerKind {
  return {
    name: 'rocketmq',
    async start({ storeDirectory, flush }) {
      const servers = await OfficialServers.start({
        classpath,
        home: storeDirectory,
        brokerJvmFlags,
        settings: { flushDiskType: flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH' },
      });
      return {
        name: 'rocketmq',
        namesrvAddr: servers.namesrvAddr,
        address: addressOf(servers.brokerAddr),
        pid: servers.brokerPid,
        stop: () => servers.stop('SIGTERM'),
        [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
      };
    },
  };
}
