import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseCommandLine } from '../../infra/command-line.mjs';
import { readCommandLine } from '../../loadtest/bench/command-line.ts';
import { documents, textOf } from './documents.ts';

const { scripts } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
) as { scripts: Record<string, string> };

const measures = [
  ...['send', 'batch', 'consume', 'latency', 'queues', 'backlog', 'start', 'timers', 'testkit'].map(
    (name) => ({ name, needsVersus: false }),
  ),
  { name: 'java', needsVersus: true },
];

/** What a shell makes of it: words, of which some are in quotes. What stands for something else is given a value. */
function wordsOf(text: string): string[] {
  const words = Array.from(
    text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
    ([, double, single, plain]) => double ?? single ?? plain!,
  );
  return words.map((word) => (/^[A-Z]$/.test(word) ? '1' : word));
}

/** Why nobody could type this; undefined when it makes sense. */
function mistakeIn(script: string, args: readonly string[]): string | undefined {
  const command = scripts[script];
  if (command === undefined) return `there is no npm run ${script}`;
  // Only its name is told.
  if (args.length === 0) return undefined;
  const bootstrapped = /bootstrap\.mjs (\S+)$/.exec(command)?.[1];
  if (bootstrapped === undefined) return `${script} takes nothing`;
  if (bootstrapped === 'bench') {
    readCommandLine(args, measures);
    return undefined;
  }
  const line = parseCommandLine([bootstrapped, ...args]) as { mistake?: string };
  return line.mistake;
}

it.each(documents)('%s shows commands that can be typed', (document) => {
  const shown = textOf(document).matchAll(
    /\bnpm (?:run ([\w:]+)|(test)\b)(?: -- ((?:"[^"]*"|[^`\n#|;…)])+))?/g,
  );
  const mistakes = Array.from(shown, ([text, name, test, args = '']) => {
    const mistake = mistakeIn(name ?? test!, wordsOf(args));
    return mistake === undefined ? [] : [`${text}: ${mistake.split('\n')[0]}`];
  });
  expect(mistakes.flat()).toEqual([]);
});

it('looks at more than a few', () => {
  const all = documents.map(textOf).join('\n');
  expect([...all.matchAll(/\bnpm run \w+.* -- --\w/g)].length).toBeGreaterThan(10);
});
