export interface CommandOptions {
  /** Everything after the command's name, as typed. */
  args: readonly string[];
  once: boolean;
  killBroker: boolean;
}

export type CommandLine =
  | { command: 'demo' | 'test' | 'interop' | 'bench'; options: CommandOptions }
  | { help: string }
  | { mistake: string };

export function parseCommandLine(argv: readonly string[]): CommandLine;
