import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { OptionDescription, OptionSources } from '../config-options.ts';
import { MqError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Adds one flag per setting; its help names the property of the config file and the environment variable. */
export function addSettings(command: Command, settings: readonly OptionDescription[]): Command {
  for (const { property, flag, env, fallback, help } of settings) {
    const sources = `default ${fallback === '' ? 'empty' : String(fallback)}; ${property}, ${env}`;
    command.option(`--${flag} <value>`, `${help} [${sources}]`);
  }
  return command;
}

/**
 * Collects the three sources of settings: config file, environment, flags.
 *
 * Errors: CONFIG_INVALID when the config file cannot be read, naming it.
 */
export function settingsSources(
  settings: readonly OptionDescription[],
  options: Readonly<Record<string, string | undefined>>,
  env: Env,
): OptionSources {
  const flags: Record<string, string | undefined> = {};
  for (const { property, flag } of settings) flags[property] = options[camelCase(flag)];
  return { file: readConfigFile(options['config']), env, flags };
}

/** commander stores `--broker-ip1` under `brokerIp1`. */
function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}

function readConfigFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MqError('CONFIG_INVALID', `config file ${path} cannot be read`, { cause });
  }
}
