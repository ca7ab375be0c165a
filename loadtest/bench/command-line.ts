import { parseArgs } from 'node:util';

export const flushModes = ['sync', 'async'] as const;
export type FlushMode = (typeof flushModes)[number];

export interface BenchOptions {
  readonly measures: readonly string[];
  readonly secondsEach: number;
  readonly runs: number;
  readonly flush: readonly FlushMode[];
  /** Only cases whose name holds this. */
  readonly match: string;
  /** Of the store that `start` starts on. */
  readonly storeGb: number;
  /** Measure the other broker in the same run, too. */
  readonly isVersus: boolean;
  readonly json: boolean;
}

/** What there is to be measured, and whether it needs the other broker. */
export interface KnownMeasure {
  readonly name: string;
  readonly needsVersus: boolean;
}

/** A command line that makes no sense; the message says what would. */
export class UsageError extends Error {}

/**
 * Reads what was typed behind `npm run bench --`. Undefined: help was asked for.
 *
 * Errors: UsageError naming the flag, what it is and what it may be.
 */
export function readCommandLine(
  args: readonly string[],
  known: readonly KnownMeasure[],
): BenchOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const isVersus = versusOf(values.vs);
  return {
    measures: measuresOf(values.only, known, isVersus),
    isVersus,
    storeGb: wholeNumber('store-gb', values['store-gb'], 1_000),
    secondsEach: wholeNumber('seconds', values.seconds, 3_600),
    runs: wholeNumber('runs', values.runs, 1_000),
    flush: flushOf(values.flush),
    match: values.match,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        seconds: { type: 'string', default: '2' },
        runs: { type: 'string', default: '7' },
        flush: { type: 'string', default: 'both' },
        vs: { type: 'string' },
        'store-gb': { type: 'string', default: '10' },
        match: { type: 'string', default: '' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    // Its first sentence names the flag; what follows is about dashes.
    throw new UsageError((error as Error).message.split('. ')[0], { cause: error });
  }
}

function versusOf(text: string | undefined): boolean {
  if (text === undefined || text === 'rocketmq') return text !== undefined;
  throw new UsageError(`--vs is ${text}, it must be rocketmq: there is no other`);
}

function measuresOf(
  only: string | undefined,
  known: readonly KnownMeasure[],
  isVersus: boolean,
): readonly string[] {
  const possible = known.filter(({ needsVersus }) => isVersus || !needsVersus);
  const names = possible.map(({ name }) => name);
  if (only === undefined) return names;
  const wanted = only.split(',');
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0) return wanted;
  const versus = known.filter(({ needsVersus }) => needsVersus).map(({ name }) => name);
  throw new UsageError(
    `--only knows no ${unknown.join(', ')}; there are ${names.join(', ')}` +
      (isVersus ? '' : `, and with --vs rocketmq ${versus.join(', ')}`),
  );
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`--${flag} is ${text}, it must be a whole number from 1 to ${max}`);
}

function flushOf(text: string): readonly FlushMode[] {
  if (text === 'both') return flushModes;
  const mode = flushModes.find((name) => name === text);
  if (mode === undefined) {
    throw new UsageError(`--flush is ${text}, it must be one of ${flushModes.join(', ')}, both`);
  }
  return [mode];
}
