import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { servicePorts } from '@millrace/services/contracts/service-ports';
import { schemas, type ServiceName } from '../audit/schemas.ts';
import type { Databases } from '../databases/databases.ts';
import { freePort, preferredPort } from '../free-port.ts';
import type { ProcessOptions, RunningProcess } from '../processes.ts';
import type { Session } from '../session.ts';
import type { ServiceEnv } from './pace.ts';
import { stopOrder } from './topology.ts';

export const serviceNames = Object.keys(schemas) as ServiceName[];

/** The variable by which the others are told where a service is. */
export function urlVariable(name: ServiceName): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_URL`;
}

export type ServiceUrls = Readonly<Record<ServiceName, string>>;

const stopTimeoutMs = 15_000;

/** The services of the shop as processes. */
export class Services {
  readonly urls: ServiceUrls;
  /** What customers' tokens are signed with, see customer-token.ts. */
  readonly customerTokenSecret: string;
  readonly #session: Session;
  readonly #root: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #running = new Map<ServiceName, RunningProcess>();

  private constructor(
    session: Session,
    root: string,
    env: Readonly<Record<string, string>>,
    urls: ServiceUrls,
    customerTokenSecret: string,
  ) {
    this.#session = session;
    this.#root = root;
    this.#env = env;
    this.urls = urls;
    this.customerTokenSecret = customerTokenSecret;
  }

  static async start(
    session: Session,
    root: string,
    at: { namesrvAddr: string; databases: Databases },
    env: ServiceEnv,
    names: readonly ServiceName[] = serviceNames,
  ): Promise<Services> {
    const services = await Services.prepare(session, root, at);
    await services.startAll(env, names);
    return services;
  }

  /** Chooses where each will listen, so that others can be told before they run. */
  static async prepare(
    session: Session,
    root: string,
    { namesrvAddr, databases }: { namesrvAddr: string; databases: Databases },
  ): Promise<Services> {
    const urls = Object.fromEntries(
      await Promise.all(
        serviceNames.map(async (name) => {
          // Those of run-1; a taken port is replaced by a free one.
          const preferred = preferredPort(servicePorts[name], session.slot.number);
          const port = await freePort(preferred, `service ${name}`);
          return [name, `http://127.0.0.1:${port}`] as const;
        }),
      ),
    ) as Record<ServiceName, string>;
    const customerTokenSecret = randomBytes(24).toString('hex');
    const shared = {
      HOST: '127.0.0.1',
      DATABASE_URL: databases.databaseUrl,
      REDIS_URL: databases.redisUrl,
      NAMESRV_ADDR: namesrvAddr,
      // Between the payment service and the third party of this run.
      CHANNEL_SECRET: randomBytes(24).toString('hex'),
      CALLBACK_URL: `${urls.payment}/channel-callbacks`,
      CUSTOMER_TOKEN_SECRET: customerTokenSecret,
      ...peerEnv(urls),
    };
    return new Services(session, root, shared, urls, customerTokenSecret);
  }

  async startAll(env: ServiceEnv, names: readonly ServiceName[] = serviceNames): Promise<void> {
    await this.#session.step('services', async (say) => {
      say(names.join(', '));
      await Promise.all(names.map((name) => this.#start(name, env[name])));
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.stop(stopTimeoutMs)));
    this.#running.clear();
  }

  /** Starts a service again with other settings. */
  async restart(name: ServiceName, env: Readonly<Record<string, string>>): Promise<void> {
    await this.#running.get(name)?.stop(stopTimeoutMs);
    await this.#start(name, env);
  }

  async #start(name: ServiceName, env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#running.set(name, await this.#session.processes.start(this.#optionsOf(name, env)));
  }

  #optionsOf(name: ServiceName, env: Readonly<Record<string, string>>): ProcessOptions {
    const url = this.urls[name];
    return {
      name,
      command: process.execPath,
      args: [join(this.#root, 'services', 'dist', name, 'main.js')],
      env: { ...this.#env, PORT: new URL(url).port, DATABASE_SCHEMA: schemas[name], ...env },
      stopOrder: stopOrder.service,
      stopTimeoutMs,
      ready: () => isReady(`${url}/health/ready`),
      readyTimeoutMs: 120_000,
    };
  }
}

/** How whoever asks the services is told where they are. */
export function peerEnv(urls: ServiceUrls): Record<string, string> {
  return Object.fromEntries(serviceNames.map((name) => [urlVariable(name), urls[name]]));
}

export async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.text();
    return response.ok;
  } catch {
    // Not listening yet; the deadline is the caller's.
    return false;
  }
}
