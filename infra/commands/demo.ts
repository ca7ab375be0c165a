import { join, relative } from 'node:path';
import { Audit } from '../audit.ts';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { auditText, verdictOf, wayTable, type Verdict } from '../demo/report.ts';
import { placeOrders, waitForEffects } from '../demo/scenario.ts';
import { startCluster, startServices, type OwnBroker } from '../demo/topology.ts';
import { runSession } from '../session.ts';

/** The broker dies when half of the orders are placed, and is back before the last quarter. */
const killAtOrder = 10;
const restartAtOrder = 15;

/** `npm run demo`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { options, root } = context;
  const namesrvAddr = process.env['NAMESRV_ADDR'] || undefined;
  if (options.killBroker && namesrvAddr !== undefined) {
    console.error('--kill-broker kills our own broker; with NAMESRV_ADDR there is none.');
    return 2;
  }
  let verdict: Verdict | undefined;
  const exitCode = await runSession(context, async (session) => {
    const { slot, step } = session;
    const sources = await prepareDatabases(thisMachine, session);
    const [databases, cluster] = await Promise.all([
      startDatabases(thisMachine, session, sources),
      startCluster(session, root, namesrvAddr),
    ]);
    const urls = await startServices(session, root, cluster.namesrvAddr, databases);
    const logs = relative(process.cwd(), join(slot.dir, 'logs'));
    console.log(`  Everything runs, ${seconds().toFixed(1)} s after the command. Logs: ${logs}`);

    const audit = await Audit.open(databases.databaseUrl);
    const ways = await step('20 orders', async (say) => {
      say('placed and paid over HTTP');
      const crash = options.killBroker ? new BrokerCrash(cluster.broker) : undefined;
      const orderNos = await placeOrders(urls, (count) => crash?.onPlaced(count));
      await crash?.isOver;
      return await waitForEffects(audit, orderNos);
    });
    const whole = await audit.wholeDatabase();
    await audit.close();
    verdict = verdictOf(ways, whole, seconds());
    console.log(`\n${wayTable(ways)}\n\n${auditText(verdict, whole)}\n`);

    const isGood = verdict.lost === 0 && verdict.duplicated === 0;
    if (options.once) return isGood ? 0 : 1;
    console.log(
      `  order   ${urls.order}/docs\n  coupon  ${urls.coupon}/docs\n  push    ${urls.push}/docs\n` +
        `  name server ${cluster.namesrvAddr}   ${databases.databaseUrl}   ${databases.redisUrl}\n` +
        '  Ctrl-C stops everything.',
    );
    session.exitCodeWhenInterrupted = isGood ? 0 : 1;
    return await new Promise<never>(() => undefined);
  });
  // Last, and after everything has stopped: who reads this line can rely on nothing being left.
  if (options.once && verdict !== undefined) console.log(JSON.stringify(verdict));
  return exitCode;
};

/** Since the command was typed: Node's clock starts with the process. */
function seconds(): number {
  return performance.now() / 1_000;
}

/** Kills the broker while orders are on their way, and starts it again while more are being placed. */
class BrokerCrash {
  readonly #broker: OwnBroker | undefined;
  #killed: Promise<void> = Promise.resolve();
  #restarted: Promise<void> = Promise.resolve();

  constructor(broker: OwnBroker | undefined) {
    this.#broker = broker;
  }

  onPlaced(count: number): void {
    if (count === killAtOrder) {
      console.log(`    broker killed with SIGKILL, ${count} orders placed`);
      this.#killed = this.#broker?.kill() ?? Promise.resolve();
    }
    if (count === restartAtOrder) {
      this.#restarted = this.#killed.then(async () => {
        await this.#broker?.start();
        console.log(`    broker started again, it missed orders ${killAtOrder + 1} to ${count}`);
      });
      // Awaited by `isOver` later; until then a failure must not count as unhandled.
      this.#restarted.catch(() => undefined);
    }
  }

  get isOver(): Promise<void> {
    return this.#restarted;
  }
}
