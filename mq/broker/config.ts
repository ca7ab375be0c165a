import { join, resolve } from 'node:path';
import {
  defineSettings,
  flag,
  integer,
  oneOf,
  only,
  text,
  type ConfigOf,
} from '../config-options.ts';
import { endpointOptions, endpointProblem } from '../metrics/endpoint-settings.ts';
import { bindAddressProblem } from '../remoting/bind-address.ts';
import { indexFileBytes } from '../store/index-layout.ts';
import { parseDelayLevels } from './delay-levels.ts';
import { parseDeleteHours } from './delete-hours.ts';
import { MAX_REVIVE_QUEUES } from './pop-records.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Java clients close a connection over a frame of more than 16 MiB. */
export const LARGEST_BODY_BYTES = 15 * MIB;
/** What Java maps of a file. */
const LARGEST_MAPPED_BYTES = 2 ** 31 - 1;
const int32 = { min: 0, max: 2 ** 31 - 1 };
const milliseconds = { min: 1, max: 2 ** 31 - 1 };

/**
 * Every setting of a broker, declared once: property name (RocketMQ's own, except where `help` says otherwise),
 * default and meaning. Flag and environment variable names are derived from the property name.
 */
const options = {
  brokerClusterName: text('DefaultCluster', 'Cluster this broker belongs to.'),
  brokerName: text('broker-a', 'Name of this broker; unique in its cluster.'),
  brokerId: integer(0, int32, '0 for a master. Name servers take queues from masters only.'),
  brokerRole: only('ASYNC_MASTER', 'this broker does not replicate'),
  enableDLegerCommitLog: only('false', 'this broker does not replicate'),
  enableControllerMode: only('false', 'this broker does not replicate'),
  aclEnable: only('false', 'this broker does not authenticate anybody'),
  authenticationEnabled: only('false', 'this broker does not authenticate anybody'),
  authorizationEnabled: only('false', 'this broker does not authenticate anybody'),
  bindAddress: text('127.0.0.1', 'Address to listen on.'),
  allowNonLoopback: flag(
    false,
    'Listen on an address other machines can reach although nobody has to authenticate. Not a RocketMQ property.',
  ),
  listenPort: integer(10911, { min: 0, max: 65_535 }, 'Port to listen on; 0 takes a free one.'),
  haListenPort: integer(10912, { min: 0, max: 65_535 }, 'Replication port told to name servers.'),
  brokerIP1: text('', 'Address told to clients; empty: the one listened on.'),
  namesrvAddr: text(
    '',
    'Name servers, host:port separated by semicolons or commas; empty: register nowhere.',
    'NAMESRV_ADDR',
  ),
  storePathRootDir: text('.millrace/store', 'Directory of the CommitLog and all other state.'),
  storePathCommitLog: text('', 'Only storePathRootDir/commitlog, or empty: it has no other place.'),
  flushDiskType: oneOf(
    'SYNC_FLUSH',
    ['SYNC_FLUSH', 'ASYNC_FLUSH'],
    'SYNC_FLUSH acknowledges after fsync, ASYNC_FLUSH once the kernel has the bytes.',
  ),
  syncFlushTimeout: integer(
    5_000,
    milliseconds,
    'Wait for fsync before FLUSH_DISK_TIMEOUT, in ms.',
  ),
  mappedFileSizeCommitLog: integer(
    1024 * MIB,
    { min: 64 * KIB, max: 2 ** 31 - 1 },
    'Size of one CommitLog segment, in bytes.',
  ),
  mappedFileSizeConsumeQueue: integer(
    6_000_000,
    { min: 20, max: 2 ** 31 - 1 },
    'Size of one ConsumeQueue file, in bytes; a multiple of 20.',
  ),
  messageIndexEnable: flag(true, 'Index messages, so that they are found by key.'),
  maxHashSlotNum: integer(
    5_000_000,
    { min: 1, max: 2 ** 29 },
    'Slots of one IndexFile. Changed, the index is made again.',
  ),
  maxIndexNum: integer(
    20_000_000,
    { min: 2, max: 2 ** 27 },
    'Entries of one IndexFile. Changed, the index is made again.',
  ),
  maxMsgsNumBatch: integer(64, { min: 1, max: 1024 }, 'Messages found by one query.'),
  defaultQueryMaxNum: integer(
    32,
    { min: 1, max: 1024 },
    'Messages found by one query for a unique key.',
  ),
  fileReservedTime: integer(
    72,
    { min: 0, max: 876_000 },
    'Hours that messages are kept; a CommitLog segment goes as a whole, the last one stays.',
  ),
  deleteWhen: text(
    '04',
    'Hours of the day, in local time, in which old segments are removed: 04 or 04;16.',
  ),
  diskMaxUsedSpaceRatio: integer(
    75,
    { min: 1, max: 100 },
    'Disk use in percent above which old segments are removed at any hour.',
  ),
  cleanFileForciblyEnable: flag(
    true,
    'Remove the oldest segments, however young, above diskSpaceCleanForciblyRatio.',
  ),
  diskSpaceCleanForciblyRatio: integer(
    85,
    { min: 1, max: 100 },
    'Disk use in percent above which the oldest segments are removed whatever their age.',
  ),
  diskSpaceWarningLevelRatio: integer(
    90,
    { min: 1, max: 100 },
    'Disk use in percent above which sends are refused.',
  ),
  maxMessageSize: integer(
    4 * MIB,
    { min: 1, max: LARGEST_BODY_BYTES },
    'Largest message body, and batch body, in bytes.',
  ),
  autoCreateTopicEnable: flag(false, 'Create a topic when the first message for it arrives.'),
  defaultTopicQueueNums: integer(
    8,
    { min: 1, max: 1024 },
    'Queues of TBW102, which bounds those of auto-created topics.',
  ),
  autoCreateSubscriptionGroup: flag(true, 'Create a consumer group when it is first seen.'),
  brokerPermission: integer(6, { min: 0, max: 6 }, '4 read, 2 write, 6 both.'),
  traceTopicEnable: flag(false, 'Create RMQ_SYS_TRACE_TOPIC at start.'),
  traceOn: flag(true, 'Tell producers to send trace messages when they are able to.'),
  regionId: text('DefaultRegion', 'Region told to producers.'),
  messageDelayLevel: text(
    '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h',
    'Delay of each delayTimeLevel, from level 1.',
  ),
  timerMaxDelaySec: integer(
    31_536_000,
    { min: 1, max: 10 * 31_536_000 },
    'Longest delay of TIMER_DELAY_SEC, TIMER_DELAY_MS and TIMER_DELIVER_MS, in seconds: a year. RocketMQ: 259200.',
  ),
  timerRollWindowSlot: integer(
    172_800,
    { min: 60, max: 31_536_000 },
    'A message that waits is stored anew after so many seconds, so that it never waits in files that retention removes.',
  ),
  recallMessageEnable: flag(
    true,
    'Take back messages that still wait when their producers ask. RocketMQ: false.',
  ),
  storeReplyMessageEnable: flag(
    true,
    'Keep replies to requests in <cluster>_REPLY_TOPIC, besides pushing them to who waits for them.',
  ),
  flushDelayOffsetInterval: integer(10_000, milliseconds, 'Save delay progress this often, in ms.'),
  flushConsumerOffsetInterval: integer(
    5_000,
    milliseconds,
    'Save consumer offsets this often, in ms.',
  ),
  useServerSideResetOffset: flag(
    true,
    'Move consumer groups that are reset; false: only tell their members, as RocketMQ 4.9 does.',
  ),
  rejectTransactionMessage: flag(false, 'Refuse half messages.'),
  transactionCheckInterval: integer(
    30_000,
    milliseconds,
    'Ask producers after half messages they have not ended this often, in ms.',
  ),
  transactionTimeOut: integer(
    6_000,
    milliseconds,
    'Ask after no half message younger than this, in ms.',
  ),
  transactionCheckMax: integer(
    15,
    { min: 1, max: 2 ** 31 - 1 },
    'Move a half message to TRANS_CHECK_MAX_TIME_TOPIC when its producers were asked this often.',
  ),
  registerNameServerPeriod: integer(
    30_000,
    { min: 10_000, max: 60_000 },
    'Register with every name server this often, in ms.',
  ),
  registerBrokerTimeoutMills: integer(6_000, milliseconds, 'Time limit of a registration, in ms.'),
  longPollingEnable: flag(true, 'Hold pulls that find nothing until a message arrives.'),
  shortPollingTimeMills: integer(
    1_000,
    milliseconds,
    'How long a pull is held when longPollingEnable is false, in ms.',
  ),
  maxTransferCountOnMessageInMemory: integer(32, { min: 1, max: 1024 }, 'Messages in one pull.'),
  maxTransferBytesOnMessageInMemory: integer(
    256 * KIB,
    { min: 1, max: 16 * MIB },
    'Bytes in one pull; a first message that is larger still goes out.',
  ),
  litePullMessageEnable: flag(
    true,
    "Serve LITE_PULL_MESSAGE, by which Java 5's lite pull consumers pull.",
  ),
  enablePropertyFilter: flag(
    true,
    'Let consumers select messages by SQL92 on their properties. RocketMQ: false.',
  ),
  reviveQueueNum: integer(
    8,
    { min: 1, max: MAX_REVIVE_QUEUES },
    'Queues of the log that keeps popped messages.',
  ),
  popFromRetryProbability: integer(
    20,
    { min: 0, max: 100 },
    'Pops, in percent, that look at redeliveries first; the others take them when there is room.',
  ),
  popInflightMessageThreshold: integer(
    10_000,
    { min: 1, max: 1_000_000 },
    'Messages of one queue that a group may have popped and not acknowledged. RocketMQ: without effect by default.',
  ),
  popPollingSize: integer(
    1_024,
    { min: 1, max: 100_000 },
    'Pops held for one group and queue; more are answered POLLING_FULL.',
  ),
  maxPopPollingSize: integer(
    100_000,
    { min: 1, max: 1_000_000 },
    'Pops held in all; more are answered POLLING_FULL.',
  ),
  defaultMessageRequestMode: oneOf(
    'PULL',
    ['PULL', 'POP'],
    'How groups consume that ask for their assignment and for which no mode was set.',
  ),
  defaultPopShareQueueNum: integer(
    -1,
    { min: -1, max: 1_024 },
    'popShareQueueNum where defaultMessageRequestMode is POP.',
  ),
  serverLoadBalancerEnable: flag(
    true,
    'Share the queues of a group among its members that ask for their assignment; else each gets all.',
  ),
  notifyConsumerIdsChangedEnable: flag(true, 'Tell consumers at once when their group changes.'),
  serverChannelMaxIdleTimeSeconds: integer(
    120,
    { min: 1, max: 86_400 },
    'Close connections silent for this long.',
  ),
  ...endpointOptions(5557),
};

export type BrokerConfig = ConfigOf<typeof options>;

export const {
  descriptions: brokerOptions,
  load: loadBrokerConfig,
  from: brokerConfig,
} = defineSettings('broker', options, relationProblems);

/** The name servers of `host:port;host:port`; commas are as good, as clients take them. */
export function namesrvAddresses(namesrvAddr: string): string[] {
  const addresses = namesrvAddr.split(/[;,]/).map((address) => address.trim());
  return [...new Set(addresses)].filter((address) => address !== '');
}

function relationProblems(config: BrokerConfig): string[] {
  const problems: string[] = [];
  for (const property of ['brokerName', 'brokerClusterName'] as const) {
    // Both become topic names at start, so they must be fit for one.
    if (!/^[%|a-zA-Z0-9_-]{1,100}$/.test(config[property])) {
      problems.push(
        `${property} is ${JSON.stringify(config[property])}, not 1..100 of letters, digits, _, -, % and |`,
      );
    }
  }
  if (config.storePathRootDir === '') problems.push('storePathRootDir is empty');
  const commitLog = join(config.storePathRootDir, 'commitlog');
  // Ignored, it would open an empty store beside the operator's messages.
  if (
    config.storePathCommitLog !== '' &&
    resolve(config.storePathCommitLog) !== resolve(commitLog)
  ) {
    problems.push(
      `storePathCommitLog is ${config.storePathCommitLog}, only ${commitLog} is supported`,
    );
  }
  const addressProblem = bindAddressProblem(config);
  if (addressProblem !== undefined) problems.push(addressProblem);
  const metricsProblem = endpointProblem(config);
  if (metricsProblem !== undefined) problems.push(metricsProblem);
  for (const address of namesrvAddresses(config.namesrvAddr)) {
    const port = Number(/^[^\s;,]+:(\d{1,5})$/.exec(address)?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      problems.push(`namesrvAddr has ${JSON.stringify(address)}, not host:port`);
    }
  }
  if (config.mappedFileSizeConsumeQueue % 20 !== 0) {
    problems.push(
      `mappedFileSizeConsumeQueue is ${config.mappedFileSizeConsumeQueue}, not a multiple of 20`,
    );
  }
  // A record is its body plus at most 32,767 bytes of properties, 255 of topic and a fixed part; it never spans segments.
  const largestRecordBytes = config.maxMessageSize + 33 * KIB;
  if (config.mappedFileSizeCommitLog < largestRecordBytes) {
    problems.push(
      `mappedFileSizeCommitLog is ${config.mappedFileSizeCommitLog}, less than the ${largestRecordBytes} bytes ` +
        `of the largest record that maxMessageSize ${config.maxMessageSize} allows`,
    );
  }
  const fileBytes = indexFileBytes(config);
  if (fileBytes > LARGEST_MAPPED_BYTES) {
    problems.push(
      `maxHashSlotNum ${config.maxHashSlotNum} and maxIndexNum ${config.maxIndexNum} make an IndexFile of ${fileBytes} ` +
        `bytes, more than the ${LARGEST_MAPPED_BYTES} that RocketMQ can open`,
    );
  }
  for (const parse of [
    () => parseDelayLevels(config.messageDelayLevel),
    () => parseDeleteHours(config.deleteWhen),
  ]) {
    try {
      parse();
    } catch (problem) {
      problems.push(problem instanceof Error ? problem.message : String(problem));
    }
  }
  return problems;
}
