/** Why a broker has too much to do, by the marks that the original's answers begin with. */
export type BusyMark =
  /** Writing to the page cache takes over a second. */
  | 'PC_SYNCHRONIZED'
  /** The request has waited too long in the broker's queue. */
  | 'TIMEOUT_CLEAN_QUEUE'
  /** No room in the store's buffers, or none on a slave. */
  | 'REJECTREQUEST'
  /** The broker's queue of such requests is full. */
  | 'OVERLOAD'
  | 'BROKER_BUSY';

const marked = /^\[(PC_SYNCHRONIZED|TIMEOUT_CLEAN_QUEUE|REJECTREQUEST|OVERLOAD|BROKER_BUSY)\]/;

export interface BusyRemark {
  readonly busy: BusyMark;
  /** How long the request had waited, in ms, and behind how many, when the broker says so. */
  readonly periodInQueueMs?: number;
  readonly sizeOfQueue?: number;
}

/**
 * What a broker's refusal says of its load; undefined when it speaks of something else.
 *
 * Source: RocketMQ 5.3 BrokerFastFailure.java, AbstractSendMessageProcessor.java, NettyRemotingAbstract.java.
 */
export function parseBusyRemark(remark: string | undefined): BusyRemark | undefined {
  const mark = remark === undefined ? undefined : marked.exec(remark)?.[1];
  if (mark === undefined) return undefined;
  const period = /period in queue: (\d+)\s?ms/.exec(remark!)?.[1];
  const size = /size of queue: (\d+)/.exec(remark!)?.[1];
  return {
    busy: mark as BusyMark,
    ...(period !== undefined && { periodInQueueMs: Number(period) }),
    ...(size !== undefined && { sizeOfQueue: Number(size) }),
  };
}
