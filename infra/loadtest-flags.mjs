// What may be typed after `npm run loadtest --`. Plain JavaScript, like the rest of the command line: a mistyped scenario is
// answered on a bare clone, before anything is installed.
import { parseArgs } from 'node:util';

/** One line a scenario, as --help prints it. `loadtest/scenarios/` must have the same; a unit test says so. */
export const scenarioHelp = {
  'browse-and-buy': 'customers who look around, place orders and pay for most of them',
  'flash-sale': 'everybody at once, on a stock far smaller than they are many',
  'refund-storm': 'paid orders are given back, all at the same time',
  'pay-storm': 'orders are paid for at a constant rate, the third party takes 200 ms',
  soak: 'orders for half an hour: does memory grow?',
  compare:
    'the same checkout with the queue and without it, then again with a third party failing 20 %',
  limits:
    'what this machine can do at most: bare Fastify, bare Redis, bare MariaDB, the generator itself',
};

/** Numbers among the flags: what the command calls them, and their limits. */
const numberFlags = {
  rate: { name: 'ratePerS', min: 1, max: 100_000 },
  stock: { name: 'stock', min: 1, max: 10_000_000 },
  gates: { name: 'gates', min: 1, max: 64 },
  seed: { name: 'seed', min: 0, max: 4_294_967_295 },
};

const minDurationS = 1;
const maxDurationS = 86_400;
const secondsOf = { s: 1, m: 60, h: 3_600 };

export const loadtestUsage = `npm run loadtest -- SCENARIO [FLAGS]

Brings up the whole shop with databases and a broker of its own, sends it an open load (requests come when they are due,
whether or not the ones before are answered), waits until everything has come to rest, audits the databases, and writes a
report to loadtest/reports/. The last line is one JSON object; exit code 1 when a threshold or the audit fails.

${Object.entries(scenarioHelp)
  .map(([name, help]) => `  ${name.padEnd(16)}${help}`)
  .join('\n')}

  --rate N        arrivals a second, 1 to 100000
  --duration T    how long they come, as 30s, 30m or 1h; 1 s to 24 h
  --stock N       pieces on sale in flash-sale, 1 to 10000000
  --gates N       processes of the flash sale's gate, 1 to 64; else one a core, four at most
  --seed N        the same customers as the run that printed this seed; 0 to 4294967295
  --json          nothing but the JSON object on stdout; the rest goes to stderr
  --help          this text

Without a flag a scenario takes its own figures; a flag that means nothing to a scenario is refused.

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`;

/** Which flags a scenario knows, beside --json and --help. */
const flagsKnownTo = {
  'browse-and-buy': ['rate', 'duration', 'seed'],
  'flash-sale': ['rate', 'duration', 'stock', 'gates', 'seed'],
  'refund-storm': ['rate', 'duration', 'seed'],
  'pay-storm': ['rate', 'duration', 'seed'],
  soak: ['rate', 'duration', 'seed'],
  compare: ['rate', 'duration', 'seed'],
  limits: ['duration'],
};

/**
 * Reads what follows `loadtest`.
 *
 * Returns { help }, or { loadtest } with the scenario and its numbers: durations in ms, a rate per second.
 * Errors: naming the scenario or flag, what it is and what it must be.
 */
export function parseLoadtestFlags(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean' },
      duration: { type: 'string' },
      ...Object.fromEntries(Object.keys(numberFlags).map((flag) => [flag, { type: 'string' }])),
    },
  });
  if (values.help) return { help: loadtestUsage };
  const [scenario, second] = positionals;
  if (!Object.hasOwn(scenarioHelp, scenario ?? '')) {
    const what =
      scenario === undefined ? 'No scenario is named' : `There is no scenario ${scenario}`;
    throw new Error(`${what}; there are ${Object.keys(scenarioHelp).join(', ')}`);
  }
  if (second !== undefined) {
    throw new Error(`One scenario at a time: ${scenario} is named, and then ${second}`);
  }
  const { help: _help, json = false, ...given } = values;
  for (const flag of Object.keys(given)) {
    if (!flagsKnownTo[scenario].includes(flag)) {
      const known = flagsKnownTo[scenario].map((each) => `--${each}`).join(', ');
      throw new Error(`--${flag} means nothing to ${scenario}, which knows ${known}`);
    }
  }
  return {
    loadtest: {
      scenario,
      json,
      ...(given.duration === undefined ? {} : { durationMs: millisecondsOf(given.duration) }),
      ...numbersOf(given),
    },
  };
}

function numbersOf(given) {
  const numbers = {};
  for (const [flag, { name, min, max }] of Object.entries(numberFlags)) {
    const text = given[flag];
    if (text === undefined) continue;
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new Error(`--${flag} is ${text}, it must be a whole number from ${min} to ${max}`);
    }
    numbers[name] = value;
  }
  return numbers;
}

function millisecondsOf(text) {
  const [, count, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * secondsOf[unit];
  if (!(seconds >= minDurationS && seconds <= maxDurationS)) {
    throw new Error(
      `--duration is ${text}, it must be a whole number of s, m or h, as 30s or 30m, from ${minDurationS}s to ${maxDurationS}s`,
    );
  }
  return seconds * 1_000;
}
