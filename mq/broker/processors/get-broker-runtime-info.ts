import { PROTOCOL_VERSION } from '../../protocol/frame.ts';
import { encodeKvTable } from '../../protocol/kv-table.ts';
import { readRecordHeader } from '../../protocol/message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * GET_BROKER_RUNTIME_INFO: counters and state for operators, under the keys that mqadmin and the dashboard read.
 *
 * The thread-pool keys are there because tools expect them; a single event loop has no such queues, so they are 0.
 */
export function getBrokerRuntimeInfoProcessor(context: BrokerContext): Processor {
  return async () => {
    const info = {
      ...runtimeInfo(context),
      earliestMessageTimeStamp: await earliestStoreTime(context),
    };
    return {
      code: ResponseCode.SUCCESS,
      body: encodeKvTable(
        new Map(Object.entries(info).map(([key, value]) => [key, String(value)])),
      ),
    };
  };
}

/** −1 while nothing is stored. */
async function earliestStoreTime({ store }: BrokerContext): Promise<number> {
  const record = await store.readRecord(store.minCommitLogOffset);
  return record === undefined ? -1 : readRecordHeader(record).storeTimestamp;
}

function runtimeInfo(context: BrokerContext): Record<string, string | number | boolean> {
  const { clock, config, longPolling, messagesGot, messagesPut, startedAt, store } = context;
  const put = messagesPut.totals();
  const got = messagesGot.totals();
  const now = clock.now();
  const diskRatio = context.diskUsage().usedPercent / 100;
  return {
    brokerVersionDesc: 'V4_9_8',
    brokerVersion: PROTOCOL_VERSION,
    brokerActive: true,
    bootTimestamp: startedAt,
    runtime: runtimeText(now - startedAt),
    msgPutTotalYesterdayMorning: put.yesterdayMorning,
    msgPutTotalTodayMorning: put.thisMorning,
    msgPutTotalTodayNow: put.now,
    msgGetTotalYesterdayMorning: got.yesterdayMorning,
    msgGetTotalTodayMorning: got.thisMorning,
    msgGetTotalTodayNow: got.now,
    putTps: messagesPut.rates(),
    getTotalTps: messagesGot.rates(),
    getFoundTps: messagesGot.rates(),
    getMissTps: '0.00 0.00 0.00',
    // 4.9 tools read the first spelling, 5.x tools the second.
    getTransferedTps: messagesGot.rates(),
    getTransferredTps: messagesGot.rates(),
    sendThreadPoolQueueSize: 0,
    sendThreadPoolQueueCapacity: 10_000,
    sendThreadPoolQueueHeadWaitTimeMills: 0,
    pullThreadPoolQueueSize: longPolling.heldCount,
    pullThreadPoolQueueCapacity: 100_000,
    pullThreadPoolQueueHeadWaitTimeMills: 0,
    queryThreadPoolQueueSize: 0,
    queryThreadPoolQueueCapacity: 20_000,
    queryThreadPoolQueueHeadWaitTimeMills: 0,
    EndTransactionQueueSize: 0,
    EndTransactionThreadPoolQueueCapacity: 100_000,
    pageCacheLockTimeMills: 0,
    commitLogMinOffset: store.minCommitLogOffset,
    commitLogMaxOffset: store.maxCommitLogOffset,
    remainHowManyDataToFlush: `${store.maxCommitLogOffset - store.confirmOffset} B`,
    dispatchBehindBytes: store.maxCommitLogOffset - store.confirmOffset,
    commitLogDiskRatio: diskRatio,
    consumeQueueDiskRatio: diskRatio,
    connections: [...context.connections()].length,
    flushDiskType: config.flushDiskType,
    ...context.schedule.progress(),
  };
}

function runtimeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`;
}
