import type { BrokerAddress } from './lean-socket.ts';
import type { SendShape } from './send-ring.ts';

interface OnBroker {
  readonly broker: BrokerAddress;
  readonly brokerPid: number;
}

/** How long, after which warm-up. */
interface Window {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

interface SendLoad extends OnBroker {
  readonly shape: SendShape;
  readonly connections: number;
  /** On each connection. */
  readonly inFlight: number;
}

/** Closed loop: each reply is followed by the next send. */
export interface SendJob extends SendLoad, Window {
  readonly kind: 'send';
}

/** So many messages, as fast as the broker takes them. */
export interface FillJob extends SendLoad {
  readonly kind: 'fill';
  readonly messages: number;
}

/** Pulls on one connection, one on its way for each queue. */
export interface PullJob extends OnBroker, Window {
  readonly kind: 'pull';
  readonly topic: string;
  readonly queueCount: number;
  /** `newest`: so many of each queue's last messages, over and over. `all`: each message once, the oldest first. */
  readonly read: { readonly newest: number } | 'all';
}

/** Open loop: messages are due at a rate, whatever became of those before, and a consumer waits for each. */
export interface FlowJob extends OnBroker, Window {
  readonly kind: 'flow';
  readonly shape: SendShape;
  readonly ratePerS: number;
}

export type Job = SendJob | FillJob | PullJob | FlowJob;

/** What one job found. Latencies are encoded, so that those of several slices can be added. */
export interface JobResult {
  readonly messages: number;
  readonly elapsedMs: number;
  /** Of a request; in a flow from when a message was due until a consumer has it. */
  readonly latencies: string;
  /** In a flow, from when a message was due until it was acknowledged. */
  readonly ackLatencies?: string;
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
