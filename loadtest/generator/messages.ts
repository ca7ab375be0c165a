import type { Flags } from '../scenario.ts';
import type { Share } from './pacer.ts';
import type { EncodedTally } from './tally.ts';

export type Phase = 'warm-up' | 'load';

/** Everything a sending process needs to know, before anybody comes. */
export interface Assignment {
  /** Address of a module that exports `scenarios`, by name. */
  readonly module: string;
  readonly scenario: string;
  readonly flags: Flags;
  readonly urls: Readonly<Record<string, string>>;
  readonly customerTokenSecret: string;
  readonly ground: unknown;
  readonly share: Share;
  readonly maxConnections: number;
  readonly pipelining: number;
  readonly timeoutMs: number;
}

export type ToGenerator =
  | { readonly type: 'prepare'; readonly assignment: Assignment }
  | { readonly type: 'run'; readonly phase: Phase; readonly startAtMs: number };

/** One second of one process; the one after the last visitor has as many seconds as it takes. */
export interface SecondReport {
  readonly type: 'second';
  readonly phase: Phase;
  readonly second: number;
  readonly tally: EncodedTally;
  readonly inFlight: number;
}

export type FromGenerator =
  | { readonly type: 'ready' }
  | SecondReport
  | {
      readonly type: 'ended';
      readonly phase: Phase;
      /** Visits that had not come to their end when no more time was given. */
      readonly unfinished: number;
      readonly cpuMicros: number;
      readonly connectionsOpened: number;
      readonly waitedForConnection: number;
      readonly problem: string | undefined;
    };
