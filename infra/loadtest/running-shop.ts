import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from 'millrace';
import { createPool, type Pool, type RowDataPacket } from 'mysql2/promise';
import type { Stage } from '@millrace/loadtest';
import { prepareDatabases, startDatabases, type Databases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import type { ServiceEnv } from '../demo/pace.ts';
import { serviceNames, Services, type ServiceUrls } from '../demo/services.ts';
import type { ServiceName } from '../audit/schemas.ts';
import { startCluster, type Cluster } from '../demo/topology.ts';
import type { Session } from '../session.ts';

const requestTimeoutMs = 30_000;
/** For the samplers and the proof; the services have pools of their own. */
const poolSize = 6;

/** What a load test has before the shop is there: databases of its own and a broker, all of them empty. */
export interface Ground {
  session: Session;
  root: string;
  databases: Databases;
  cluster: Cluster;
}

/**
 * Starts databases and a broker without anything in them: figures of a table that holds the runs of last week are figures of
 * last week. What was given by DATABASE_URL or REDIS_URL keeps what it has.
 */
export async function startGround(session: Session, root: string): Promise<Ground> {
  const ownSession = { ...session, slot: { ...session.slot, dir: emptyFolder(session) } };
  const sources = await prepareDatabases(thisMachine, ownSession);
  const [databases, cluster] = await Promise.all([
    startDatabases(thisMachine, ownSession, sources),
    startCluster(ownSession, root, process.env['NAMESRV_ADDR'] || undefined, 'production'),
  ]);
  return { session, root, databases, cluster };
}

/** A folder beside that of the demo, whose data is kept. */
function emptyFolder({ slot }: Session): string {
  const dir = join(slot.dir, 'loadtest');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** The shop, or some of its services, as a scenario sees it and as its figures are taken. */
export class RunningShop implements AsyncDisposable {
  readonly ground: Ground;
  readonly services: Services;
  /** Of the services that run. */
  readonly urls: Partial<ServiceUrls>;
  readonly admin: Admin;
  readonly #pool: Pool;

  private constructor(ground: Ground, services: Services, names: readonly ServiceName[]) {
    this.ground = ground;
    this.services = services;
    this.urls = Object.fromEntries(names.map((name) => [name, services.urls[name]]));
    this.admin = new Admin({ namesrvAddr: ground.cluster.namesrvAddr });
    this.#pool = createPool({
      uri: ground.databases.databaseUrl,
      timezone: 'Z',
      connectionLimit: poolSize,
    });
  }

  static async start(
    ground: Ground,
    env: ServiceEnv,
    names: readonly ServiceName[] = serviceNames,
  ): Promise<RunningShop> {
    const { session, root, databases, cluster } = ground;
    const at = { namesrvAddr: cluster.namesrvAddr, databases };
    return new RunningShop(ground, await Services.start(session, root, at, env, names), names);
  }

  /** The shop as a scenario sees it; `urls` adds what is no service of the shop. */
  stage(urls: Readonly<Record<string, string>> = this.urls): Stage {
    return {
      urls,
      customerTokenSecret: this.services.customerTokenSecret,
      call: (method, service, path, body) => callJson(urls, { method, service, path, body }),
      query: (sql, values) => this.query(sql, values),
    };
  }

  async query<T>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const [rows] = await this.#pool.query<RowDataPacket[]>(sql, [...values]);
    return rows as T[];
  }

  /** Its services end, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.services.stop();
    await this.#pool.end();
    await this.admin.shutdown();
  }
}

async function callJson<T>(
  urls: Readonly<Record<string, string>>,
  wish: { method: string; service: string; path: string; body: object | undefined },
): Promise<T> {
  const { method, service, path, body } = wish;
  const url = `${urls[service] ?? ''}${path}`;
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : {
          // Interfaces that make something want a key for it, and the others do not mind.
          headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
          body: JSON.stringify(body),
        }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw new Error(`${method} ${service} ${path} answers ${response.status}: ${text}`);
}
