import { join } from 'node:path';
import { schemas } from '../audit.ts';
import type { Databases } from '../databases/databases.ts';
import { freePort, preferredPort } from '../free-port.ts';
import type { RunningProcess } from '../processes.ts';
import type { Session } from '../session.ts';
import { stopOrder } from './topology.ts';

/** Where each service prefers to listen in run-1; a taken port is replaced by a free one. */
const servicePorts = { order: 3001, coupon: 3002, push: 3003 } as const;
type ServiceName = keyof typeof servicePorts;

export type ServiceUrls = Readonly<Record<ServiceName, string>>;

/** What the demo hurries; the defaults are those of a shop. */
export interface Haste {
  /** How long an order may be paid. */
  payTimeoutMs: number;
  /** Retries of a coupon before it is a dead letter. */
  couponRetryCount: number;
}

/** The services of the shop as processes. */
export class Services {
  readonly urls: ServiceUrls;
  readonly #session: Session;
  readonly #root: string;
  readonly #env: Readonly<Record<string, string>>;
  #order: RunningProcess | undefined;

  private constructor(
    session: Session,
    root: string,
    env: Readonly<Record<string, string>>,
    urls: ServiceUrls,
  ) {
    this.#session = session;
    this.#root = root;
    this.#env = env;
    this.urls = urls;
  }

  static async start(
    session: Session,
    root: string,
    namesrvAddr: string,
    databases: Databases,
    haste: Haste,
  ): Promise<Services> {
    const url = async (name: ServiceName): Promise<string> =>
      `http://127.0.0.1:${await freePort(preferredPort(servicePorts[name], session.slot.number))}`;
    const [order, coupon, push] = await Promise.all([url('order'), url('coupon'), url('push')]);
    const env = {
      HOST: '127.0.0.1',
      DATABASE_URL: databases.databaseUrl,
      REDIS_URL: databases.redisUrl,
      NAMESRV_ADDR: namesrvAddr,
    };
    const services = new Services(session, root, env, { order, coupon, push });
    const { payTimeoutMs, couponRetryCount } = haste;
    [services.#order] = await Promise.all([
      services.#start('order', { ORDER_PAY_TIMEOUT_MS: String(payTimeoutMs) }),
      services.#start('coupon', { COUPON_MAX_RECONSUME_TIMES: String(couponRetryCount) }),
      services.#start('push'),
    ]);
    return services;
  }

  /** Starts the order service again with its default, so that who tries it by hand has 30 minutes to pay. */
  async takeTime(): Promise<void> {
    await this.#order?.stop(stopTimeoutMs);
    this.#order = await this.#start('order', {}, '30 minutes to pay from now on');
  }

  #start(
    name: ServiceName,
    settings: Readonly<Record<string, string>> = {},
    remark = '',
  ): Promise<RunningProcess> {
    const url = this.urls[name];
    return this.#session.step(name, async (say) => {
      say(remark === '' ? url : `${url}, ${remark}`);
      return await this.#session.processes.start({
        name,
        command: process.execPath,
        args: [join(this.#root, 'services', 'dist', name, 'main.js')],
        env: {
          ...this.#env,
          PORT: new URL(url).port,
          DATABASE_SCHEMA: schemas[name],
          ...settings,
        },
        stopOrder: stopOrder.service,
        stopTimeoutMs,
        ready: () => isReady(`${url}/health/ready`),
        readyTimeoutMs: 60_000,
      });
    });
  }
}

const stopTimeoutMs = 15_000;

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.text();
    return response.ok;
  } catch {
    // Not listening yet; the deadline is the caller's.
    return false;
  }
}
