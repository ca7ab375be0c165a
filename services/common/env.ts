/** All that is wrong with a process's settings, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`${problems.length} bad setting(s): ${problems.join('; ')}`);
    this.problems = problems;
  }
}

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads settings and remembers every problem, so that an operator mends them all in one go.
 *
 * A reader method never throws: it answers with a stand-in, and `finish` throws before anybody uses it.
 * A value is quoted in a problem only when it cannot be a secret; URLs may carry passwords and are not.
 */
export class EnvReader {
  readonly #env: Env;
  readonly #problems: string[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  text(name: string, rule: { default?: string; pattern: RegExp; mustBe: string }): string {
    const value = this.#value(name) ?? rule.default;
    if (value === undefined)
      return this.#refuse(`${name} is not set, it must be ${rule.mustBe}`, '');
    if (!rule.pattern.test(value)) {
      this.#problems.push(`${name} is ${JSON.stringify(value)}, it must be ${rule.mustBe}`);
    }
    return value;
  }

  integer(name: string, rule: { default: number; min: number; max: number }): number {
    const text = this.#value(name);
    if (text === undefined) return rule.default;
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= rule.min && value <= rule.max)) {
      return this.#refuse(
        `${name} is ${JSON.stringify(text)}, it must be an integer from ${rule.min} to ${rule.max}`,
        rule.default,
      );
    }
    return value;
  }

  choice<T extends string>(name: string, choices: readonly [T, ...T[]], byDefault: T): T {
    const text = this.#value(name);
    if (text === undefined) return byDefault;
    return (
      choices.find((choice) => choice === text) ??
      this.#refuse(
        `${name} is ${JSON.stringify(text)}, it must be one of ${choices.join(', ')}`,
        byDefault,
      )
    );
  }

  /** As `url`, for a setting that has a default. */
  optionalUrl(name: string, protocols: readonly string[], byDefault: string): URL {
    return this.#value(name) === undefined ? new URL(byDefault) : this.url(name, protocols);
  }

  url(name: string, protocols: readonly string[]): URL {
    const text = this.#value(name);
    const wanted = `a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    const standIn = new URL('invalid://setting');
    if (text === undefined)
      return this.#refuse(`${name} is not set, it must be ${wanted}`, standIn);
    const url = URL.canParse(text) ? new URL(text) : standIn;
    if (!protocols.includes(url.protocol)) {
      return this.#refuse(`${name} is not ${wanted}`, standIn);
    }
    if (url.hostname === '') return this.#refuse(`${name} names no host`, standIn);
    if (!isDecodable(url.username) || !isDecodable(url.password)) {
      return this.#refuse(
        `${name} has a user or password with a % that must be written %25`,
        standIn,
      );
    }
    return url;
  }

  /** Required, and never quoted. */
  secret(name: string, minCharacters: number): string {
    const value = this.#value(name) ?? '';
    const count = value.length;
    if (count >= minCharacters) return value;
    const found = count === 0 ? 'is not set' : `has ${count} characters`;
    return this.#refuse(`${name} ${found}, it must have at least ${minCharacters} characters`, '');
  }

  /** For relations between settings. */
  require(holds: boolean, problem: string): void {
    if (!holds) this.#problems.push(problem);
  }

  /** Errors: ConfigError with every problem met so far. */
  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  /** An empty variable counts as not set: that is how compose files and shells pass "no value". */
  #value(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  #refuse<T>(problem: string, standIn: T): T {
    this.#problems.push(problem);
    return standIn;
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}
