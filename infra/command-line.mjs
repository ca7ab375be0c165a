// What may be typed after `npm run <command> --`. Plain JavaScript, so that --help and a mistyped flag are
// answered at once on a bare clone, before anything is installed.
import { parseArgs } from 'node:util';
import { loadtestUsage, parseLoadtestFlags } from './loadtest-flags.mjs';

const usages = {
  demo: `npm run demo [-- FLAGS]

Starts MariaDB, Redis, a name server, a broker and the eleven services of the shop, and sends 100 orders through them: 60
are paid and shipped, 15 left alone and closed by their delayed message, 15 refunded (some after shipping, some with the
channel failing twice), and 10 placed while the broker is dead. Meanwhile the coupon database is stopped for a while, and
40 customers want one of 15 pieces at a flash sale. Then it audits the databases, holds the copy of the order database
against its source, and stays up until Ctrl-C, with a shop page whose URL it prints first. All state is kept under .millrace/.

  --once          end after the audit: exit code 0 only if nothing was lost, duplicated or oversold, and the copy is the same;
                  the last line on stdout is one JSON object
  --seed N        the same orders as the run that printed this seed; 0 to 4294967295
  --kill-broker   kill the broker at the worst moment, between half messages and their commit, not just at any
  --help          this text

Environment:
  DATABASE_URL    use this MariaDB, e.g. mysql://root:secret@127.0.0.1:3306; it must write a row binlog, which is followed
  REDIS_URL       use this Redis, e.g. redis://127.0.0.1:6379
  NAMESRV_ADDR    use this RocketMQ name server and its brokers instead of ours, e.g. 127.0.0.1:9876`,
  audit: `npm run audit [-- FLAGS]

Holds every order in the databases against payments, the channel's books, stock, points, coupons, notifications,
shipments and refunds: nothing lost, nothing twice, ledgers that add up; each flash sale against its stock and its tickets;
and the copy of the order database against its source, row by row. Reads the database of a demo that is running, or of the
last one. The last line is one JSON object; exit code 1 if anything is wrong, with the offending orders.

  --grace S       what is younger may still be under way, in seconds; 60 by default, 0 when all has come to rest
  --open S        how old an order may be that is neither paid nor closed, in seconds; 2100 by default
  --help          this text

Environment: DATABASE_URL, to audit another database; COPY_DATABASE_URL, where its copy is elsewhere.`,
  chaos: `npm run test:chaos [-- FLAGS]

Starts the shop as npm run demo does, keeps customers coming, some of them to a flash sale, and kills each process in turn
with SIGKILL: every service, the broker, the name server, MariaDB, Redis and the third party. After each it waits until everything has come to rest, and
audits the databases. Ends with a table and the line "N passed, N failed".

  --seed N        the same orders and moments as the run that printed this seed
  --rounds N      how often each process is killed; 1 by default
  --help          this text

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`; servers of yours are not killed.`,
  'compose-check': `npm run compose:check [-- FLAGS]

Builds the image, brings the whole shop up in containers (infra/compose.yml) under a project name of its own and on a free
port, waits until all are well, and sends the orders and the flash sale of \`npm run demo\` through it, from a container inside
its network; the broker's container is killed meanwhile, between half messages and their commit, and started again. Then it
audits the databases, and takes everything down with its volumes, also after Ctrl-C or an error. The last line is one JSON
object; exit code 0 only if nothing was lost, duplicated or oversold, and the copy is the same; 3 if nothing could be checked,
because no Docker engine answers, or it runs no container, or its base images cannot be had.
A step that does not end is given up, and named.

  --broker NAME   millrace, the default, or rocketmq: Apache RocketMQ's own name server and broker (infra/compose.rocketmq.yml)
  --seed N        the same orders as the run that printed this seed; 0 to 4294967295
  --limit S       give up after so many seconds in all, and take everything down; no limit by default
  --help          this text`,
  test: `npm test [-- PART …]

  check         types, lint, format, layers and unit tests, as npm run check
  integration   tests against a real MariaDB and Redis, which it finds or installs as \`npm run demo\` does
  e2e           tests of the demo itself

Without a PART all three, in this order. Ends with the line "N passed, N failed".

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`,
  nodes: `npm run test:nodes [-- VERSION …]

Runs \`npm test -- check integration\` under other releases of Node, 24 and 26 unless others are named, which it fetches
as npm packages and keeps below .millrace/. Ends with the line "N passed, N failed", one a release.

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`,
  interop: `npm run test:interop

Tests against Apache RocketMQ's own Java client, Java broker and Go client. Needs a JDK, Maven and Go.
Ends with the line "N passed, N failed".

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`,
  fuzz: `npm run fuzz [-- FLAGS]

Sends changed bytes to everything that parses what a peer sends, the servers on real sockets included: each must be
taken or refused with a reason, whatever it is, in bounded memory. An input that is too much is kept in test/fuzz/found/.
The last line is one JSON object; exit code 1 if anything was found.

  --seconds N     how long; 60 by default
  --seed N        the same inputs as the run that printed this seed
  --target NAME   one of them only: frames, request headers, json bodies, records, batches, properties, texts, filters,
                  live name server, live broker
  --replay FILE   one input of test/fuzz/found/ instead
  --help          this text`,
  fault: `npm run test:fault [-- FLAGS]

Puts a whole message store, in one process, on a simulated disk that loses what was not synced, tears and shortens writes,
fails, fills up, and takes the process with it at any operation, recovery included; starts it again, and holds what is there
against what was promised, in both flush modes. Ends with the line "N passed, N failed".

  --seeds N       how many runs; 100 by default
  --seed N        the first of their seeds, which repeats a run; drawn by default
  --help          this text`,
  crash: `npm run test:crash [-- FLAGS]

Runs a broker, a process of its own, under full load over sockets: plain and batch sends, ordered keys, transactions,
timers, and consumers that commit their progress. Kills it with SIGKILL again and again, also while it starts, and holds
what is there after each start against what was acknowledged. Ends with the line "N passed, N failed".

  --cycles N      how many kills; 30 by default
  --seed N        the same load and moments as the run that printed this seed
  --help          this text`,
  loadtest: loadtestUsage,
  bench: `npm run bench [-- FLAGS]

Runs the benchmarks in loadtest/. \`npm run bench -- --help\` lists the flags once the project is built.`,
};

/** Flags that take a whole number: what the command calls it, its limits, and what it is multiplied by. */
const numberFlags = {
  seed: { name: 'seed', min: 0, max: 4_294_967_295, factor: 1 },
  seconds: { name: 'seconds', min: 1, max: 86_400, factor: 1 },
  rounds: { name: 'rounds', min: 1, max: 1_000, factor: 1 },
  seeds: { name: 'seeds', min: 1, max: 1_000_000, factor: 1 },
  limit: { name: 'limitS', min: 1, max: 86_400, factor: 1 },
  cycles: { name: 'cycles', min: 1, max: 1_000_000, factor: 1 },
  grace: { name: 'graceMs', min: 0, max: 86_400, factor: 1_000 },
  open: { name: 'openMs', min: 0, max: 864_000, factor: 1_000 },
};

const flagsOf = {
  demo: {
    once: { type: 'boolean' },
    'kill-broker': { type: 'boolean' },
    seed: { type: 'string' },
  },
  'compose-check': {
    broker: { type: 'string' },
    seed: { type: 'string' },
    limit: { type: 'string' },
  },
  audit: { grace: { type: 'string' }, open: { type: 'string' } },
  chaos: { seed: { type: 'string' }, rounds: { type: 'string' } },
  fuzz: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string' },
    replay: { type: 'string' },
  },
  fault: { seeds: { type: 'string' }, seed: { type: 'string' } },
  crash: { cycles: { type: 'string' }, seed: { type: 'string' } },
};

/** Whose name server and broker the shop in containers is checked with. */
const brokers = ['millrace', 'rocketmq'];

/** What may follow `npm test --`; the parts themselves are in commands/test.ts. */
const testParts = ['check', 'integration', 'e2e'];

/**
 * Reads the command line of bootstrap.mjs.
 *
 * Returns { command, options } to run, { help } to print with exit code 0, or { mistake } to print with exit code 2.
 */
export function parseCommandLine(argv) {
  const [command, ...args] = argv;
  const usage = usages[command];
  if (usage === undefined) {
    return {
      mistake: `Unknown command: ${command ?? '(none)'}. There are ${Object.keys(usages).join(', ')}.`,
    };
  }
  if (command === 'bench') return { command, options: { args, once: false, killBroker: false } };
  try {
    if (command === 'loadtest') return loadtestLine(args);
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: command === 'test' || command === 'nodes',
      options: { help: { type: 'boolean', short: 'h' }, ...flagsOf[command] },
    });
    if (values.help) return { help: usage };
    const mistake = positionalMistake(command, positionals);
    if (mistake !== undefined) return { mistake: `${mistake}\n\n${usage}` };
    return {
      command,
      options: {
        args,
        once: values.once ?? false,
        killBroker: values['kill-broker'] ?? false,
        ...wholeNumbers(values),
        ...brokerOf(values),
      },
    };
  } catch (error) {
    return { mistake: `${error.message.split('. ')[0]}.\n\n${usage}` };
  }
}

function positionalMistake(command, positionals) {
  if (command === 'nodes') {
    const wrong = positionals.find((version) => !/^\d+(\.\d+){0,2}$/.test(version));
    return wrong === undefined ? undefined : `${wrong} is no version of Node, as 24 or 24.22.3 is.`;
  }
  const unknown = positionals.find((part) => !testParts.includes(part));
  return unknown === undefined ? undefined : `${unknown} is no part of npm test.`;
}

function loadtestLine(args) {
  const read = parseLoadtestFlags(args);
  if ('help' in read) return read;
  const options = { args, once: false, killBroker: false, loadtest: read.loadtest };
  return { command: 'loadtest', options };
}

/** Errors: naming the flag, what it is and what it must be. */
function brokerOf({ broker }) {
  if (broker === undefined) return {};
  if (!brokers.includes(broker)) {
    throw new Error(`--broker is ${broker}, it must be ${brokers.join(' or ')}`);
  }
  return { broker };
}

/** The numbers among the flags, as the commands know them. Errors: naming the flag, what it is and what it must be. */
function wholeNumbers(values) {
  const numbers = {};
  for (const [flag, { name, min, max, factor }] of Object.entries(numberFlags)) {
    const text = values[flag];
    if (text === undefined) continue;
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new Error(`--${flag} is ${text}, it must be a whole number from ${min} to ${max}`);
    }
    numbers[name] = value * factor;
  }
  return numbers;
}
