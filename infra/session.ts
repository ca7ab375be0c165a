import { constants } from 'node:os';
import type { CommandContext, StateSlot, Step } from './command.ts';
import { endLeftovers, Processes } from './processes.ts';

/** One run of a command: its state folder, its processes, and what Ctrl-C means at the moment. */
export interface Session {
  slot: StateSlot;
  processes: Processes;
  step: Step;
  /** 128 + the signal's number by default; a command that only waits to be stopped sets its verdict here. */
  exitCodeWhenInterrupted: number | undefined;
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a command's work and sees to it that nothing it started outlives it: when it returns, when it throws, at
 * Ctrl-C, SIGTERM, a closed terminal or pipe, and at an error that nobody caught. A second Ctrl-C kills at once.
 */
export async function runSession(
  context: CommandContext,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const slot = context.takeStateSlot();
  const left = await endLeftovers(slot.dir);
  if (left > 0)
    console.log(`  ended ${left} processes that a killed command had left in ${slot.dir}`);
  const processes = new Processes(slot.dir, context.root);
  const session: Session = {
    slot,
    processes,
    step: context.step,
    exitCodeWhenInterrupted: undefined,
  };
  let isInterrupted = false;
  let interrupt: (exitCode: number) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const ended = new Promise<number>((resolve, reject) => {
    interrupt = resolve;
    fail = reject;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isInterrupted) {
      void processes.stopAll();
      return;
    }
    isInterrupted = true;
    console.log(`\n  ${signal}: stopping.`);
    interrupt(session.exitCodeWhenInterrupted ?? 128 + constants.signals[signal]);
  };
  for (const signal of endSignals) process.on(signal, onSignal);
  process.on('uncaughtException', fail);
  // Whoever read our output is gone (`| head`, a closed terminal): nobody will press Ctrl-C any more.
  const onClosedPipe = (): void => {
    if (!isInterrupted) onSignal('SIGHUP');
  };
  process.stdout.on('error', onClosedPipe);
  process.stderr.on('error', onClosedPipe);
  try {
    return await Promise.race([work(session), ended, processes.failure]);
  } finally {
    context.endProgress();
    await processes.stopAll();
    slot.release();
    process.off('uncaughtException', fail);
    for (const signal of endSignals) process.off(signal, onSignal);
  }
}
