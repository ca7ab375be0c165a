import { MqError } from './errors.ts';
import type { Logger } from './logger.ts';

/**
 * One setting of a process. Its key in an {@link OptionTable} is RocketMQ's own property name; the flag and the
 * environment variable are derived from that name, so a setting is declared exactly once.
 */
export interface Option<T> {
  readonly fallback: T;
  readonly help: string;
  /** The environment variable, when it is not MILLRACE_ + the property name in upper case. */
  readonly env?: string;
  /** Throws an Error whose message completes the sentence "brokerId is -1, …". */
  readonly parse: (text: string) => T;
}

export type OptionTable = Readonly<
  Record<string, Option<string> | Option<number> | Option<boolean>>
>;

export type ConfigOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

export interface OptionDescription {
  readonly property: string;
  /** Without the leading dashes. */
  readonly flag: string;
  readonly env: string;
  readonly fallback: string | number | boolean;
  readonly help: string;
}

/** Where settings come from; a later source in the order file, env, flags, values wins over an earlier one. */
export interface OptionSources {
  /** Text of a Java properties file (`brokerName=broker-a`), as RocketMQ's own conf files are. */
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** By property name. */
  readonly flags?: Readonly<Record<string, string | undefined>> | undefined;
  /** Given by the embedding program, by property name. */
  readonly values?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
}

interface ReadOptions<Table extends OptionTable> {
  readonly values: ConfigOf<Table>;
  /** Keys of the file that the table does not know, in the file's order. */
  readonly unknownKeys: readonly string[];
  readonly problems: readonly string[];
}

export function text(fallback: string, help: string, env?: string): Option<string> {
  return { fallback, help, parse: (value) => value, ...(env === undefined ? {} : { env }) };
}

export function flag(fallback: boolean, help: string): Option<boolean> {
  return {
    fallback,
    help,
    parse: (value) => {
      if (value !== 'true' && value !== 'false') throw new Error('neither true nor false');
      return value === 'true';
    },
  };
}

export function integer(
  fallback: number,
  range: { readonly min: number; readonly max: number },
  help: string,
): Option<number> {
  return {
    fallback,
    help,
    parse: (value) => {
      const parsed = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(parsed)) throw new Error('not an integer');
      if (parsed < range.min || parsed > range.max) {
        throw new Error(`outside ${range.min}..${range.max}`);
      }
      return parsed;
    },
  };
}

export function oneOf<const Choice extends string>(
  fallback: NoInfer<Choice>,
  choices: readonly Choice[],
  help: string,
): Option<Choice> {
  return {
    fallback,
    help,
    parse: (value) => {
      const choice = choices.find((candidate) => candidate === value);
      if (choice === undefined) throw new Error(`not one of ${choices.join(', ')}`);
      return choice;
    },
  };
}

/** A promise of RocketMQ's that is not kept here: any other value must stop the start rather than be ignored. */
export function only(fallback: string, why: string): Option<string> {
  return {
    fallback,
    help: `Only ${fallback}: ${why}.`,
    parse: (value) => {
      if (value !== fallback) throw new Error(`only ${fallback} is supported: ${why}`);
      return value;
    },
  };
}

/** brokerIP1 → broker-ip1, namesrvAddr → namesrv-addr. */
function kebab(property: string): string {
  return property.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

function describeOptions(table: OptionTable): OptionDescription[] {
  return Object.entries(table).map(([property, option]) => ({
    property,
    flag: kebab(property),
    env: option.env ?? `MILLRACE_${kebab(property).replaceAll('-', '_').toUpperCase()}`,
    fallback: option.fallback,
    help: option.help,
  }));
}

/** Reads every setting from every source. Nothing throws: what is wrong is collected, to be reported in one go. */
function readOptions<const Table extends OptionTable>(
  table: Table,
  sources: OptionSources,
): ReadOptions<Table> {
  const fromFile = parseProperties(sources.file ?? '');
  const values: Record<string, string | number | boolean> = {};
  const problems: string[] = [];
  for (const { property, flag: flagName, env } of describeOptions(table)) {
    const option = table[property]!;
    const given =
      described(sources.values?.[property]?.toString(), property) ??
      described(sources.flags?.[property], `--${flagName}`) ??
      described(sources.env?.[env], env) ??
      described(fromFile.get(property), property);
    values[property] = option.fallback;
    if (given === undefined) continue;
    try {
      values[property] = option.parse(given.value.trim());
    } catch (problem) {
      const reason = problem instanceof Error ? problem.message : String(problem);
      problems.push(`${given.name} is ${JSON.stringify(given.value)}, ${reason}`);
    }
  }
  return {
    values: values as ConfigOf<Table>,
    unknownKeys: [...fromFile.keys()].filter((key) => !Object.hasOwn(table, key)),
    problems,
  };
}

function described(
  value: string | undefined,
  name: string,
): { value: string; name: string } | undefined {
  return value === undefined ? undefined : { value, name };
}

/** How one kind of process comes by its settings. */
export interface Settings<Config> {
  /** Property, flag, environment variable, default and help of every setting, for `--help` and the handbook. */
  readonly descriptions: readonly OptionDescription[];
  /**
   * Reads the config file, the environment and the flags.
   *
   * Errors: CONFIG_INVALID naming every bad value and relation at once. Keys of the file that mean nothing here are
   *         named in one warning and do not stop the start: RocketMQ's own conf files have many.
   */
  readonly load: (sources: OptionSources, logger: Logger) => Config;
  /** The settings of a process started from code. Errors: CONFIG_INVALID, also for a property that is none. */
  readonly from: (overrides?: Partial<Config>) => Config;
}

/** `relationProblems` says what is wrong between settings that are each right by themselves. */
export function defineSettings<const Table extends OptionTable>(
  process: string,
  table: Table,
  relationProblems: (config: ConfigOf<Table>) => string[] = () => [],
): Settings<ConfigOf<Table>> {
  const checked = (
    { values, problems }: ReadOptions<Table>,
    unknown: readonly string[],
  ): ConfigOf<Table> => {
    assertNoProblems(process, [...unknown, ...problems, ...relationProblems(values)]);
    return Object.freeze(values);
  };
  return {
    descriptions: describeOptions(table),
    load(sources, logger) {
      const read = readOptions(table, sources);
      if (read.unknownKeys.length > 0) {
        const keys = read.unknownKeys.join(', ');
        logger.warn(`${process} configuration keys without effect here: ${keys}`);
      }
      return checked(read, []);
    },
    from(overrides = {}) {
      const unknown = Object.keys(overrides)
        .filter((property) => !Object.hasOwn(table, property))
        .map((property) => `${property} is not a setting of the ${process}`);
      const values = overrides as OptionSources['values'];
      return checked(readOptions(table, { values }), unknown);
    },
  };
}

/** Throws one CONFIG_INVALID that names everything wrong, if anything is. */
function assertNoProblems(process: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new MqError(
    'CONFIG_INVALID',
    `${process} configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}: ${problems.join('; ')}`,
    { details: { problemCount: problems.length } },
  );
}

/**
 * Parses a Java properties file: `key=value` or `key: value`, `#` and `!` comments, a trailing backslash joins lines
 * (not in a comment), a backslash before any other character stands for that character. The last of repeated keys wins.
 */
export function parseProperties(file: string): Map<string, string> {
  const properties = new Map<string, string>();
  const withoutComments = file.replace(/^[ \t]*[#!].*$/gm, '');
  // An even number of backslashes at the end of a line are backslashes, an odd one joins.
  const lines = withoutComments.replace(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t]*/g, '$1').split(/\r?\n/);
  for (const line of lines) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const match = /^((?:\\.|[^\\=:\s])+)\s*[=:]?\s*(.*)$/.exec(trimmed);
    if (match === null) continue;
    properties.set(unescape(match[1]!), unescape(match[2]!));
  }
  return properties;
}

function unescape(value: string): string {
  return value.replace(/\\(.)/g, '$1');
}
