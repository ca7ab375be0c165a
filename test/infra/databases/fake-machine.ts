import type { CommandResult, Machine } from '../../../infra/databases/machine.ts';

export interface FakeMachine extends Machine {
  /** Every command that was run, as one line each. */
  ran: string[];
}

/** A machine with these executables, whose commands answer as told; a command without an answer fails with code 1. */
export function fakeMachine(
  settings: Partial<Pick<Machine, 'env' | 'isRoot' | 'isTerminal' | 'platform'>> & {
    executables?: Readonly<Record<string, string>>;
    answers?: Readonly<Record<string, string | CommandResult>>;
  },
): FakeMachine {
  const ran: string[] = [];
  return {
    env: {},
    platform: 'linux',
    isRoot: true,
    isTerminal: false,
    ...settings,
    ran,
    which: (name) => Promise.resolve(settings.executables?.[name]),
    run: (command, args) => {
      const line = [command, ...args].join(' ');
      ran.push(line);
      const answer = settings.answers?.[line] ?? { code: 1, output: `${line}: no answer` };
      return Promise.resolve(typeof answer === 'string' ? { code: 0, output: answer } : answer);
    },
    ask: () => Promise.resolve(true),
  };
}
