// What may be typed after `npm run <command> --`. Plain JavaScript, so that --help and a mistyped flag are
// answered at once on a bare clone, before anything is installed.
import { parseArgs } from 'node:util';

const usages = {
  demo: `npm run demo [-- FLAGS]

Starts MariaDB, Redis, a name server, a broker and the services order, coupon and push, and sends 20 orders through
them: 16 are paid, three of them while no coupon can be issued, so that their messages are redriven from the
dead-letter queue; 4 are left unpaid and closed by their delayed message. Then it audits the databases, and stays up
until Ctrl-C. All state is kept under .millrace/.

  --once          end after the audit: exit code 0 only if nothing was lost or duplicated;
                  the last line on stdout is one JSON object
  --kill-broker   kill the broker with SIGKILL between half messages and their commit, and start it again
  --help          this text

Environment:
  DATABASE_URL    use this MariaDB, e.g. mysql://root:secret@127.0.0.1:3306
  REDIS_URL       use this Redis, e.g. redis://127.0.0.1:6379
  NAMESRV_ADDR    use this RocketMQ name server and its brokers instead of ours, e.g. 127.0.0.1:9876`,
  test: `npm test [-- PART …]

  check         types, lint, format, layers and unit tests, as npm run check
  integration   tests against a real MariaDB and Redis, which it finds or installs as \`npm run demo\` does
  e2e           tests of the demo itself

Without a PART all three, in this order. Ends with the line "N passed, N failed".

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`,
  interop: `npm run test:interop

Tests against Apache RocketMQ's own Java client, Java broker and Go client. Needs a JDK, Maven and Go.
Ends with the line "N passed, N failed".

Environment: DATABASE_URL and REDIS_URL, as for \`npm run demo -- --help\`.`,
  bench: `npm run bench [-- FLAGS]

Runs the benchmarks in loadtest/. \`npm run bench -- --help\` lists the flags once the project is built.`,
};

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
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: command === 'test',
      options: {
        help: { type: 'boolean', short: 'h' },
        ...(command === 'demo' && {
          once: { type: 'boolean' },
          'kill-broker': { type: 'boolean' },
        }),
      },
    });
    if (values.help) return { help: usage };
    const unknownPart = positionals.find((part) => !testParts.includes(part));
    if (unknownPart !== undefined) {
      return { mistake: `${unknownPart} is no part of npm test.\n\n${usage}` };
    }
    return {
      command,
      options: { args, once: values.once ?? false, killBroker: values['kill-broker'] ?? false },
    };
  } catch (error) {
    return { mistake: `${error.message.split('. ')[0]}.\n\n${usage}` };
  }
}
