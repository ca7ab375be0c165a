import { isDeepStrictEqual } from 'node:util';
import { parseDuration } from '../../mq/testkit/duration.ts';
import { until } from '../support/deadline.ts';
import type { Stage } from './stage.ts';

/** What the named groups of a command's pattern matched. */
export type Groups = Record<string, string>;

export interface Command {
  /** As transcripts write it. */
  usage: string;
  pattern: RegExp;
  /** Errors: what makes a scenario fail. */
  run: (stage: Stage, groups: Groups) => Promise<void> | void;
}

export function command(usage: string, pattern: RegExp, run: Command['run']): Command {
  return { usage, pattern, run };
}

export const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
/** A list in an expectation. */
export const bodies = (names: string): string[] => (names === 'nothing' ? [] : words(names));

/** `a=1 b="2 3"`. Errors: what is none of that. */
export function settings(text: string): [string, string][] {
  const rest = text.replaceAll(/\s+(\w+)=(?:"[^"]*"|\S+)/g, '');
  if (rest.trim() !== '') throw new Error(`cannot read ${JSON.stringify(rest.trim())}`);
  return Array.from(text.matchAll(/\s+(\w+)=(?:"([^"]*)"|(\S+))/g), ([, name, quoted, plain]) => [
    name!,
    quoted ?? plain!,
  ]);
}

/** Numbers are numbers, durations milliseconds, and everything else text. */
export function settingValue(text: string): string | number | boolean {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (/^(?:\d+(?:ms|s|m|h|d))+$/.test(text)) return parseDuration(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

export const numbers = (text: string): Record<string, string | number | boolean> =>
  Object.fromEntries(settings(text).map(([name, value]) => [name, settingValue(value)]));

/** What does not come at once may be on its way; what should not come is not waited for. */
export async function same(
  stage: Stage,
  expected: readonly string[],
  probe: () => string[] | Promise<string[]>,
  inAnyOrder = false,
): Promise<void> {
  const ordered = (list: readonly string[]): readonly string[] =>
    inAnyOrder ? list.toSorted() : list;
  let got: string[] = [];
  const isSame = async (): Promise<boolean> => {
    await stage.world.rest();
    got = await probe();
    return isDeepStrictEqual(ordered(got), ordered(expected)) || got.length > expected.length;
  };
  try {
    await until(isSame, { timeoutMs: 3_000, what: 'as expected' });
  } catch (cause) {
    throw new Error(`got ${got.join(' ') || 'nothing'}`, { cause });
  }
  if (!isDeepStrictEqual(ordered(got), ordered(expected))) throw new Error(`got ${got.join(' ')}`);
}
