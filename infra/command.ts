import type { CommandOptions } from './command-line.mjs';

/** Sets the words printed beside the name of a step. */
export type Say = (words: string) => void;

/** Prints one line about a piece of work when it ends; see progress.mjs. */
export type Step = <T>(name: string, work: (say: Say) => Promise<T>) => Promise<T>;

/** A folder .millrace/run-N that no other running command uses. */
export interface StateSlot {
  /** The N, from 1. */
  number: number;
  dir: string;
  release(): void;
}

/** What bootstrap.mjs hands to the compiled command. */
export interface CommandContext {
  options: CommandOptions;
  /** The folder of the clone. */
  root: string;
  step: Step;
  /** Steps that fail from now on fail because of what happened, and are not printed. */
  endProgress(): void;
  takeStateSlot(): StateSlot;
  /** The state folders that other commands are using right now. */
  slotsInUse(): { dir: string; pid: number }[];
}

/** A command returns its exit code, or throws an error whose message is all the user needs. */
export type Command = (context: CommandContext) => Promise<number>;
