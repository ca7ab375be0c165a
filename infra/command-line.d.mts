import type { LoadtestOptions } from './loadtest-flags.mjs';

/** What was typed; a command reads what concerns it. */
export interface CommandOptions {
  /** Everything after the command's name, as typed. */
  args: readonly string[];
  once: boolean;
  killBroker: boolean;
  /** What repeats a run: drawn by the command when it is not given. */
  seed?: number;
  /** Of an audit: what may still be under way. */
  graceMs?: number;
  openMs?: number;
  /** Of the check of the containers: after how many seconds it gives up. */
  limitS?: number;
  /** Of the same: whose broker it is checked with, ours if it is not said. */
  broker?: 'millrace' | 'rocketmq';
  /** Of a chaos run: how often each process is killed. */
  rounds?: number;
  /** `--seconds`, for `fuzz`. */
  seconds?: number;
  /** `--seeds`, for `fault`. */
  seeds?: number;
  /** `--cycles`, for `crash`. */
  cycles?: number;
  /** Of `loadtest` only. */
  loadtest?: LoadtestOptions;
}

export type CommandLine =
  | {
      command:
        | 'demo'
        | 'audit'
        | 'compose-check'
        | 'test'
        | 'nodes'
        | 'interop'
        | 'chaos'
        | 'fuzz'
        | 'fault'
        | 'crash'
        | 'loadtest'
        | 'bench';
      options: CommandOptions;
    }
  | { help: string }
  | { mistake: string };

export function parseCommandLine(argv: readonly string[]): CommandLine;
