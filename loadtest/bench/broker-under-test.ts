import type { FlushMode } from './command-line.ts';
import type { BrokerAddress } from './generator/lean-socket.ts';

export type BrokerName = 'millrace' | 'rocketmq';

/** A broker process with its name server, as the benchmark sees either of the two. */
export interface BrokerUnderTest extends AsyncDisposable {
  readonly name: BrokerName;
  readonly namesrvAddr: string;
  readonly address: BrokerAddress;
  /** Of the process whose CPU time and memory are counted. */
  readonly pid: number;
  /** Lets it end in its own time: the store is clean then. Disposing of it does not wait for that. */
  stop(): Promise<void>;
}

export interface BrokerStart {
  readonly storeDirectory: string;
  readonly flush: FlushMode;
}

/** How to start one of the two on a store. It listens when the promise settles. */
export interface BrokerKind {
  readonly name: BrokerName;
  start(start: BrokerStart): Promise<BrokerUnderTest>;
}

export function addressOf(text: string): BrokerAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
