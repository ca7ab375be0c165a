import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, CommandContext, Step } from '../command.ts';
import { withAuthorities } from '../containers/authorities.ts';
import {
  baseImageProblem,
  baseImages,
  engineProblem,
  rocketmqImage,
} from '../containers/base-images.ts';
import { bringUp, isWell, lastWords } from '../containers/bring-up.ts';
import { Engine, run as runToEnd, type ContainerState } from '../containers/engine.ts';
import { couponGate, hurriedShop } from '../containers/hurried-shop.ts';
import { Player, type Answers } from '../containers/player.ts';
import { secretFiles } from '../containers/secrets.ts';
import { TimeLimits, type Limits } from '../containers/time-limits.ts';
import { isGoodRun, type Verdict } from '../demo/report.ts';
import { serviceNames, urlVariable } from '../demo/services.ts';
import { freePort } from '../free-port.ts';
import { runSession, type Session } from '../session.ts';

/** Where no engine answers, or it runs no container, or its images cannot be had, nothing was checked: that is neither good nor bad. */
const nothingChecked = 3;

const image = 'millrace:check';
const secrets = '/run/millrace/secrets';
/** Several times what each takes here with two cores; of the steps of the demo, too, which have their own names. */
const limits: Omit<Limits, 'total'> = { step: 180, named: { image: 270, 'shop page': 60 } };
const lookAgainMs = 500;
const brokerTimeoutMs = 60_000;
const pageTimeoutMs = 30_000;
const stopTimeoutS = 30;

/** `npm run compose:check`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { root } = context;
  using time = new TimeLimits(context.step, { ...limits, total: context.options.limitS });
  const compose = await findCompose();
  if (typeof compose === 'string') {
    console.log(`  ${compose}`);
    return nothingChecked;
  }
  const isOwnBroker = context.options.broker !== 'rocketmq';
  const images = isOwnBroker ? baseImages : [...baseImages, rocketmqImage];
  const problem =
    (await context.step('base images', (say) => baseImageProblem(images, say))) ??
    (await context.step('engine', engineProblem));
  if (problem !== undefined) {
    console.log(`  ${problem}`);
    return nothingChecked;
  }
  const seed = context.options.seed ?? Math.floor(Math.random() * 1_000_000);
  let engine: Engine | undefined;
  let verdict: Verdict | undefined;
  let exitCode = 1;
  try {
    exitCode = await runSession(context, async (session) => {
      engine = await engineFor(session, context, compose, { seed, isOwnBroker });
      verdict = await Promise.race([check(engine, time.step, root, seed), time.exceeded]);
      return isGoodRun(verdict) ? 0 : 1;
    });
  } finally {
    if (engine !== undefined) await takeDown(engine, context);
  }
  // Last, and when nothing is left: who reads this line can rely on it.
  if (verdict !== undefined) console.log(JSON.stringify(verdict));
  return exitCode;
};

/** The words that start a compose of either kind, or why there is none. */
async function findCompose(): Promise<[string, ...string[]] | string> {
  const info = await runToEnd('docker', ['info', '--format={{.ServerVersion}}']);
  if (info.code !== 0) {
    return `No Docker engine answers, so nothing is checked: ${info.text.trim().split('\n').at(-1)}`;
  }
  if ((await runToEnd('docker', ['compose', 'version'])).code === 0) return ['docker', 'compose'];
  if ((await runToEnd('docker-compose', ['version'])).code === 0) return ['docker-compose'];
  return 'There is neither docker compose nor docker-compose, so nothing is checked.';
}

/** Everything of this check is named after this folder, so that what a killed one has left is found by the next. */
async function engineFor(
  { slot }: Session,
  { root }: CommandContext,
  compose: [string, ...string[]],
  { seed, isOwnBroker }: { seed: number; isOwnBroker: boolean },
): Promise<Engine> {
  const override = join(slot.dir, 'compose.check.json');
  writeFileSync(override, JSON.stringify(hurriedShop(seed, isOwnBroker), undefined, 2));
  const names = isOwnBroker ? ['compose.yml'] : ['compose.yml', 'compose.rocketmq.yml'];
  const files = [...names.map((name) => join(root, 'infra', name)), override];
  const folderId = createHash('sha256').update(slot.dir).digest('hex').slice(0, 8);
  return new Engine({
    compose,
    project: `millrace-check-${folderId}`,
    files,
    root,
    env: { MILLRACE_IMAGE: image, SHOP_PORT: String(await freePort()), COMPOSE_PROFILES: '' },
    logPath: join(slot.dir, 'logs', 'compose.log'),
  });
}

async function check(engine: Engine, step: Step, root: string, seed: number): Promise<Verdict> {
  await step('image', async (say) => {
    say(`docker build ${image}`);
    // Over the host's network: an engine's own may have no way out.
    const build = ['build', '--network=host', '--file=infra/Dockerfile', `--tag=${image}`, '.'];
    await withAuthorities(root, () => engine.docker(...build));
    say(await describeImage(engine));
  });
  console.log(`  What Docker prints: ${relative(process.cwd(), engine.logPath)}`);
  await removeAll(engine);
  const player = await step('servers', async (say) => {
    await bringUp(engine, say, ['mariadb', 'redis', 'topics']);
    const started = new Player(playerArgs(engine, seed), step, brokerOf(engine));
    await started.ready;
    return started;
  });
  await step('services', (say) => bringUp(engine, say, []));
  await step('shop page', async (say) => say(await readPage(engine)));
  try {
    return await player.play();
  } catch (error) {
    console.log(await lastWords(engine));
    // Of those that are well, too: they may know better.
    await engine.compose('logs', '--no-color');
    throw error;
  }
}

async function describeImage(engine: Engine): Promise<string> {
  const format = '--format={{.Size}} {{.Config.User}} {{len .RootFS.Layers}}';
  const [size, user] = (await engine.docker('image', 'inspect', format, image)).split(' ');
  return `${image}, ${Math.round(Number(size) / 1e6)} MB, user ${user}`;
}

/** The page as a browser asks for it, by the one published port. */
async function readPage(engine: Engine): Promise<string> {
  const port = (await engine.compose('port', 'storefront', '8080')).trim().split(':').at(-1)!;
  const url = `http://127.0.0.1:${port}/`;
  const response = await fetch(url, { signal: AbortSignal.timeout(pageTimeoutMs) });
  const text = await response.text();
  if (!response.ok || !text.includes('<html')) {
    throw new Error(`GET ${url} answers ${response.status}: ${text.slice(0, 500)}`);
  }
  return `${url}, the one published port`;
}

function playerArgs(engine: Engine, seed: number): string[] {
  const urls = serviceNames.map(
    (name, index) => `--env=${urlVariable(name)}=http://${name}:${3001 + index}`,
  );
  return [
    `--name=${playerName(engine)}`,
    `--network=${engine.project}_default`,
    `--network-alias=${couponGate.host}`,
    `--volume=${engine.project}_database-secret:${secrets}/database:ro`,
    `--volume=${engine.project}_customers-secret:${secrets}/customers:ro`,
    '--no-healthcheck',
    '--init',
    '--env=NAMESRV_ADDR=namesrv:9876',
    '--env=REDIS_URL=redis://redis:6379',
    `--env=SEED=${seed}`,
    ...urls,
    image,
    'node',
    `--env-file=${secrets}/${secretFiles.DATABASE_URL}`,
    `--env-file=${secrets}/${secretFiles.CUSTOMER_TOKEN_SECRET}`,
    'infra/dist/containers/play.js',
  ];
}

function playerName({ project }: Engine): string {
  return `${project}_demo`;
}

/** SIGKILL for the broker's container, and its start, as the demo asks for them. */
function brokerOf(engine: Engine): Answers {
  const broker = async (): Promise<ContainerState> => {
    const found = (await engine.containers()).find(({ service }) => service === 'broker');
    if (found === undefined) throw new Error('there is no container of the broker');
    return found;
  };
  return {
    'kill broker': async () => void (await engine.docker('kill', (await broker()).id)),
    'start broker': async () => {
      await engine.docker('start', (await broker()).id);
      const deadline = performance.now() + brokerTimeoutMs;
      while (!isWell(await broker())) {
        if (performance.now() > deadline) throw new Error('the broker did not come back');
        await delay(lookAgainMs);
      }
    },
  };
}

async function removeAll(engine: Engine): Promise<void> {
  await runToEnd('docker', ['rm', '--force', playerName(engine)]);
  await engine.compose('down', '--volumes', '--remove-orphans', `--timeout=${stopTimeoutS}`);
}

/** Whatever happened, and with Ctrl-C pressed again and again: containers would outlive the command. */
async function takeDown(engine: Engine, { step }: CommandContext): Promise<void> {
  const ignore = (): void => console.log('  still taking down');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ignore);
  try {
    await step('take down', async (say) => {
      say('containers, network and volumes');
      await engine.abandon();
      await removeAll(engine);
    });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, ignore);
  }
}
