import cluster, { type Worker } from 'node:cluster';
import { Log } from '../common/log.ts';
import type { FlashSaleConfig } from './config.ts';

/** Before a process that died is started again: one that dies at once must not keep a core busy. */
const RESTART_PAUSE_MS = 500;

/**
 * Runs several gates behind one port, each a process of its own: a customer's connection goes to one of them.
 *
 * With the role `all` the first of them is the keeper, too. One that dies is started again, as often as it takes: the others may
 * be well while it needs a database that is away. One that never came up ends them all, for the others would not come up either.
 * SIGTERM and SIGINT are passed on. Exit code: 0, or that of the first to end badly.
 */
export function runGateProcesses({ role, gateProcessCount, service }: FlashSaleConfig): void {
  const log = Log.toStdout('flashsale', service.logLevel).with({ role: 'primary' });
  const running = new Map<number, Worker>();
  const restarts = new Set<NodeJS.Timeout>();
  const cameUp = new Set<number>();
  let isStopping = false;
  let exitCode = 0;

  const endWithTheLast = (): void => {
    if (isStopping && running.size === 0) process.exit(exitCode);
  };

  const stop = (signal: NodeJS.Signals): void => {
    isStopping = true;
    for (const restart of restarts) clearTimeout(restart);
    for (const worker of running.values()) worker.process.kill(signal);
    endWithTheLast();
  };

  const start = (index: number): void => {
    const worker = cluster.fork({ FLASHSALE_ROLE: index === 0 ? role : 'gate' });
    running.set(index, worker);
    worker.once('listening', () => cameUp.add(index));
    worker.once('exit', (code: number | null, signal: string | null) => {
      running.delete(index);
      if (isStopping) {
        // One that was told to stop before it could listen to signals ends by the signal.
        exitCode ||= code ?? (signal === 'SIGKILL' ? 1 : 0);
        endWithTheLast();
        return;
      }
      log.error('a gate has ended', { index, pid: worker.process.pid, code, signal });
      if (!cameUp.has(index)) {
        exitCode = code || 1;
        stop('SIGTERM');
        return;
      }
      const restart = setTimeout(() => {
        restarts.delete(restart);
        start(index);
      }, RESTART_PAUSE_MS);
      restarts.add(restart);
    });
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  for (let index = 0; index < gateProcessCount; index += 1) start(index);
}
