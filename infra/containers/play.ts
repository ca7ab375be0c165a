import { createInterface } from 'node:readline';
import type { Step } from '../command.ts';
import { Gate } from '../demo/gate.ts';
import { playDemo } from '../demo/play.ts';
import { SaleClient } from '../demo/sale-client.ts';
import { serviceNames, urlVariable, type ServiceUrls } from '../demo/services.ts';
import { ShopClient } from '../demo/shop-client.ts';
import { couponGate } from './hurried-shop.ts';
import { lineOf, type Line } from './lines.ts';

// The scenario of the demo in a container of its own, inside the shop's network. `npm run compose:check` starts it.

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(line: Line): void {
  process.stdout.write(`${lineOf(line)}\n`);
}

/** Asks whoever has started this container, and waits until it is done. */
async function ask(what: Extract<Line, { ask: string }>['ask']): Promise<void> {
  say({ ask: what });
  const { done } = await answers.next();
  if (done === true) throw new Error(`nobody answers to "${what}"`);
}

let stepCount = 0;

const step: Step = async (name, work) => {
  stepCount += 1;
  const number = stepCount;
  say({ step: number, name });
  try {
    const result = await work((words) => say({ step: number, words }));
    say({ step: number, isDone: true });
    return result;
  } catch (error) {
    say({ step: number, isDone: false });
    throw error;
  }
};

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const databaseUrl = setting('DATABASE_URL');
const urls = Object.fromEntries(
  serviceNames.map((name) => [name, setting(urlVariable(name))]),
) as ServiceUrls;
const { hostname, port } = new URL(databaseUrl);
const gate = await Gate.open(
  { host: hostname, port: Number(port) },
  { host: '0.0.0.0', port: couponGate.port },
);
await ask('start');
const verdict = await playDemo({
  step,
  shop: new ShopClient(urls),
  sales: new SaleClient(urls.flashsale, setting('CUSTOMER_TOKEN_SECRET')),
  namesrvAddr: setting('NAMESRV_ADDR'),
  databaseUrl,
  redisUrl: setting('REDIS_URL'),
  couponGate: gate,
  killBroker: async () => {
    await ask('kill broker');
    return () => ask('start broker');
  },
  isKilledInTheMiddle: true,
  seed: Number(setting('SEED')),
});
say({ verdict });
// The gate and the input would keep the process alive.
process.exit(0);
