import type { Verdict } from '../demo/report.ts';

/**
 * What the container that plays the demo says to the command that has started it, one a line; its other lines are for people.
 * Only the command reaches the engine, so the container asks for what it cannot do itself, and is answered with a line.
 */
export type Line =
  | { step: number; name: string }
  | { step: number; words: string }
  | { step: number; isDone: boolean }
  | { ask: 'start' | 'kill broker' | 'start broker' }
  | { verdict: Verdict };

/** No line for people begins like this. */
const mark = '\u001e';

export function lineOf(line: Line): string {
  return `${mark}${JSON.stringify(line)}`;
}

/** Undefined for a line that is for people. */
export function readLine(text: string): Line | undefined {
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as Line) : undefined;
}
