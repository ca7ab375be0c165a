import { addressOf, type BrokerKind } from './broker-under-test.ts';
import { DevProcess } from './dev-process.ts';

/** `millrace dev`: broker and name server in one process, whose costs count as the broker's. */
export const millraceBroker: BrokerKind = {
  name: 'millrace',
  async start({ storeDirectory, flush }) {
    const flushDiskType = flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
    const dev = new DevProcess(storeDirectory, ['--flush-disk-type', flushDiskType]);
    try {
      return {
        name: 'millrace',
        namesrvAddr: await dev.namesrvAddr,
        address: addressOf(await dev.brokerAddr),
        pid: dev.pid,
        stop: () => dev.stop('SIGTERM'),
        [Symbol.asyncDispose]: () => dev.stop('SIGKILL'),
      };
    } catch (error) {
      await dev.stop();
      throw error;
    }
  },
};
