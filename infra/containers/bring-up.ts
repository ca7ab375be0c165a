import { setTimeout as delay } from 'node:timers/promises';
import type { Say } from '../command.ts';
import { run, type ContainerState, type Engine } from './engine.ts';

const lookAgainMs = 500;

/** `up`, with what is awaited said meanwhile. Errors: what the containers that are not well have said last. */
export async function bringUp(
  engine: Engine,
  say: Say,
  services: readonly string[],
): Promise<void> {
  const starting = engine.compose('up', '--detach', '--no-build', ...services);
  const over = new AbortController();
  const end = (): void => over.abort();
  starting.then(end, end);
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      sayWhoIsAwaited(say, await engine.containers());
      await delay(lookAgainMs);
    }
  };
  try {
    await Promise.all([starting, watch()]);
    await untilWell(engine, say);
  } catch (error) {
    throw new Error(`${await lastWords(engine)}\n${(error as Error).message}`, { cause: error });
  }
}

/** Of those that nothing else waits for, `up` does not say whether they are well. */
async function untilWell(engine: Engine, say: Say): Promise<void> {
  for (;;) {
    const all = await engine.containers();
    if (all.length === 0) throw new Error('no container of the shop is there after "up"');
    const unwell = all.filter((each) => !isWell(each));
    const failed = unwell.filter(({ state, status }) => state !== 'running' || isIll(status));
    if (failed.length > 0) throw new Error(`not well: ${namesOf(failed).join(', ')}`);
    sayWhoIsAwaited(say, all);
    if (unwell.length === 0) return;
    await delay(lookAgainMs);
  }
}

/** Healthy, or done without an error; the one-shots have no health. */
export function isWell({ state, status }: ContainerState): boolean {
  return state === 'running' ? status.endsWith('(healthy)') : status.startsWith('Exited (0)');
}

function isIll(status: string): boolean {
  return status.endsWith('(unhealthy)');
}

function sayWhoIsAwaited(say: Say, all: readonly ContainerState[]): void {
  const awaited = namesOf(all.filter((each) => !isWell(each)));
  const some = awaited.slice(0, 4).join(', ');
  const others = awaited.length > 4 ? ' and others' : '';
  say(`${all.length - awaited.length} well${some && `; awaited: ${some}${others}`}`);
}

function namesOf(containers: readonly ContainerState[]): string[] {
  return containers.map(({ service }) => service);
}

/** What everybody has said last who is not well; of a service its log, in which a wrong setting is named. */
export async function lastWords(engine: Engine): Promise<string> {
  const all = await engine.containers().catch((error: Error) => error);
  // What is being reported must not be lost over it.
  if (all instanceof Error) return all.message;
  const words = await Promise.all(
    all
      .filter((each) => !isWell(each))
      .map(async ({ id, service, status }) => {
        const { text } = await run('docker', ['logs', '--tail=12', id]);
        return `--- ${service}: ${status}\n${text.trimEnd()}`;
      }),
  );
  return words.join('\n');
}
