/**
 * The stdin and stdout of a test peer written in JavaScript, as ../java/src/main/java/peer/Peer.java describes them.
 *
 * @typedef {object} Command
 * @property {string} id
 * @property {string} name
 * @property {Record<string, string>} options
 * @property {(event: string, ...fields: unknown[]) => void} line
 */
import { createInterface } from 'node:readline';

/**
 * Runs each command as it comes; a handler that returns a function has started something, which `stop` ends by calling
 * it. Ends the process when stdin ends.
 *
 * @param {Record<string, (command: Command) => Promise<void | (() => Promise<unknown>)>>} handlers
 */
export function runCommands(handlers) {
  /** @type {Map<string, () => Promise<unknown>>} */
  const running = new Map();
  const stop = async ({ options }) => {
    const end = running.get(options.target);
    running.delete(options.target);
    await end?.();
  };
  const ping = () => Promise.resolve();
  const all = { ...handlers, ping, stop };
  const commands = createInterface({ input: process.stdin });
  commands.on('line', (text) => void run(parse(text)));
  commands.on('close', () => process.exit(0));

  async function run(command) {
    try {
      const end = await all[command.name](command);
      if (typeof end === 'function') {
        running.set(command.id, end);
        command.line('READY');
      } else {
        command.line('DONE');
      }
    } catch (error) {
      command.line('FAILED', error);
    }
  }
}

/** @returns {Command} */
function parse(text) {
  const [id, name, ...options] = text.split('\t');
  const line = (...fields) =>
    process.stdout.write(
      `${[id, ...fields].map((field) => String(field ?? '').replaceAll(/[\t\r\n]+/g, ' ')).join('\t')}\n`,
    );
  const nameAndValue = (option) => {
    const equals = option.indexOf('=');
    return [option.slice(0, equals), option.slice(equals + 1)];
  };
  return { id, name, options: Object.fromEntries(options.map(nameAndValue)), line };
}
