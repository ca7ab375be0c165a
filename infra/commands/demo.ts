import { join, relative } from 'node:path';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases, type Databases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { Gate } from '../demo/gate.ts';
import { hurriedServices } from '../demo/pace.ts';
import { playDemo } from '../demo/play.ts';
import { isGoodRun, type Verdict } from '../demo/report.ts';
import { SaleClient } from '../demo/sale-client.ts';
import { serviceNames, Services } from '../demo/services.ts';
import { ShopClient } from '../demo/shop-client.ts';
import { Switchboard } from '../demo/switchboard.ts';
import { startStorefront } from '../demo/storefront.ts';
import { startCluster } from '../demo/topology.ts';
import { noteEndpoints } from '../endpoints.ts';
import { runSession, type Session } from '../session.ts';

/** `npm run demo`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { options, root } = context;
  const namesrvAddr = process.env['NAMESRV_ADDR'] || undefined;
  if (options.killBroker && namesrvAddr !== undefined) {
    console.error('--kill-broker kills our own broker; with NAMESRV_ADDR there is none.');
    return 2;
  }
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  let verdict: Verdict | undefined;
  const exitCode = await runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const [databases, cluster] = await Promise.all([
      startDatabases(thisMachine, session, sources),
      startCluster(session, root, namesrvAddr),
    ]);
    const { databaseUrl } = databases;
    noteEndpoints(session.slot, databases);
    const couponGate = await gateTo(databases);
    const at = { namesrvAddr: cluster.namesrvAddr, databases };
    const hurried = hurriedServices(cluster.isOwn, seed);
    const coupon = { ...hurried.coupon, DATABASE_URL: throughGate(databaseUrl, couponGate) };
    const killBroker = cluster.isOwn ? () => session.processes.kill('broker') : undefined;
    const services = await Services.prepare(session, root, at);
    const { urls } = services;
    const switchboard = options.once
      ? undefined
      : await Switchboard.open({ couponGate, killBroker });
    const [, page] = await Promise.all([
      services.startAll({ ...hurried, coupon }),
      switchboard &&
        showPage(session, root, { services, namesrvAddr: at.namesrvAddr, switchboard }),
    ]);
    const logs = relative(process.cwd(), join(session.slot.dir, 'logs'));
    console.log(
      `  Everything runs, ${seconds().toFixed(1)} s after the command. Logs: ${logs}. Seed: ${seed}`,
    );

    const sales = new SaleClient(urls.flashsale, services.customerTokenSecret);
    const outcome = await playDemo({
      step: session.step,
      shop: new ShopClient(urls),
      sales,
      namesrvAddr: cluster.namesrvAddr,
      databaseUrl,
      redisUrl: databases.redisUrl,
      couponGate,
      killBroker,
      isKilledInTheMiddle: options.killBroker,
      seed,
    });
    verdict = outcome;
    const isGood = isGoodRun(outcome);
    if (switchboard === undefined) return isGood ? 0 : 1;
    await services.restart('order', {});
    switchboard.handOver();
    const docs = serviceNames.map((name) => `  ${name.padEnd(12)}${urls[name]}/docs`);
    console.log(
      `  shop page   ${page}\n${docs.join('\n')}\n  reports     ${urls.sync}/reports\n` +
        `  a customer's token, for an hour: ${sales.tokenOf('user-1')}\n` +
        `  name server ${cluster.namesrvAddr}   ${databaseUrl}   ${databases.redisUrl}\n` +
        '  From now on orders have 30 minutes to be paid. Ctrl-C stops everything.',
    );
    session.exitCodeWhenInterrupted = isGood ? 0 : 1;
    return await new Promise<never>(() => undefined);
  });
  // Last, and after everything has stopped: who reads this line can rely on nothing being left.
  if (options.once && verdict !== undefined) console.log(JSON.stringify(verdict));
  return exitCode;
};

/** Prints where the page is as soon as it can be opened: it shows the services as they come. */
async function showPage(
  session: Session,
  root: string,
  {
    services,
    namesrvAddr,
    switchboard,
  }: { services: Services; namesrvAddr: string; switchboard: Switchboard },
): Promise<string> {
  const url = await startStorefront(session, root, {
    services,
    namesrvAddr,
    stageUrl: switchboard.url,
  });
  console.log(`  shop page  ${url}`);
  return url;
}

/** Since the command was typed: Node's clock starts with the process. */
function seconds(): number {
  return performance.now() / 1_000;
}

function gateTo({ databaseUrl }: Databases): Promise<Gate> {
  const { hostname, port } = new URL(databaseUrl);
  return Gate.open({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 3306) });
}

function throughGate(databaseUrl: string, gate: Gate): string {
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(gate.port);
  return url.href;
}
