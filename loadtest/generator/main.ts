/**
 * A process that sends requests: told by its parent what and when, and tells it each second what came of it. It ends
 * when its parent is gone, by whatever end.
 */
import { Generator } from './generator.ts';
import type { FromGenerator, ToGenerator } from './messages.ts';

function tell(message: FromGenerator): void {
  process.send?.(message);
}

let generator: Generator | undefined;

async function obey(message: ToGenerator): Promise<void> {
  if (message.type === 'prepare') {
    generator = await Generator.prepare(message.assignment, tell);
    tell({ type: 'ready' });
  } else {
    await generator?.run(message.phase, message.startAtMs);
  }
}

process.on('disconnect', () => process.exit());
process.on('message', (message) => {
  // Not caught: Node prints the error and ends with code 1, which the parent reports.
  void obey(message as ToGenerator);
});
