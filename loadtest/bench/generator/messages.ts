import type { BrokerAddress } from './lean-socket.ts';
import type { SendShape } from './send-ring.ts';

/** How long, and whose CPU time is counted meanwhile. */
export interface Window {
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly brokerPid: number;
}

/** Closed loop: each reply is followed by the next send. */
export interface SendJob extends Window {
  readonly kind: 'send';
  readonly broker: BrokerAddress;
  readonly shape: SendShape;
  readonly connections: number;
  /** On each connection. */
  readonly inFlight: number;
}

export type Job = SendJob;

/** What one job found. Latencies are encoded, so that those of several slices can be added. */
export interface JobResult {
  readonly messages: number;
  readonly elapsedMs: number;
  readonly latencies: string;
  readonly brokerCpuMs: number;
  readonly brokerRssBytes: number;
  readonly generatorCpuMs: number;
  /** Refused by the broker, by response code; they are no messages. */
  readonly refused: Readonly<Record<string, number>>;
}

export type ToGenerator = Job;
export type FromGenerator =
  | { readonly type: 'done'; readonly result: JobResult }
  | { readonly type: 'failed'; readonly message: string };
