import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import type { StreamFaultCode } from './stream-fault.ts';

/**
 * - STARTING: it looks where to begin.
 * - STANDBY: another process follows; this one takes over when that one is gone.
 * - FOLLOWING: it publishes what the source tells.
 * - WAITING: the broker, the source or the own database is away; it goes on by itself, nothing is lost.
 * - STOPPED: something is wrong that a person should see. It tries again by itself, ever less often.
 */
export type StreamState = 'STARTING' | 'STANDBY' | 'FOLLOWING' | 'WAITING' | 'STOPPED';

export interface StreamStatus {
  readonly name: string;
  readonly state: StreamState;
  /** When it came into this state. */
  readonly since: Date;
  /** Why it waits or is stopped. */
  readonly reason: string | undefined;
  readonly code: StreamFaultCode | undefined;
  /** Of the event that stopped it. */
  readonly stoppedAt: BinlogPosition | undefined;
  /** Everything before it is published. Undefined before the first start. */
  readonly published: BinlogPosition | undefined;
  /** Changes that have been read and not been published. */
  readonly waitingCount: number;
  /** How old what is published is at most, in seconds; 0 when there was nothing more to publish. */
  readonly lagS: number | undefined;
}
