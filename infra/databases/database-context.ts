import type { Processes } from '../processes.ts';

/** What starting one of the databases needs to know. */
export interface DatabaseContext {
  processes: Processes;
  /** Where its data goes. */
  dir: string;
}
