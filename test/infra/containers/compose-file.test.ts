import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { schemas } from '../../../infra/audit/schemas.ts';
import { baseImages, rocketmqImage } from '../../../infra/containers/base-images.ts';
import { couponGate, hurriedShop } from '../../../infra/containers/hurried-shop.ts';
import { newSecrets, secretFiles, type Secrets } from '../../../infra/containers/secrets.ts';
import { binlogSettings } from '../../../infra/databases/binlog.ts';
import { serviceNames, urlVariable } from '../../../infra/demo/services.ts';
import { loadBrokerConfig, brokerOptions } from '../../../mq/broker/config.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { loadNameServerConfig, nameServerOptions } from '../../../mq/namesrv/config.ts';
import type { Env } from '../../../services/common/env.ts';
import type { HttpServiceSettings } from '../../../services/common/service-settings.ts';
import { readYaml } from '../../support/yaml.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

interface ComposeService {
  image: string;
  pull_policy?: string;
  build?: unknown;
  command: string[];
  environment?: Record<string, string | number | null>;
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  mem_limit?: string;
  restart?: string;
  profiles?: string[];
  volumes?: string[];
  stop_grace_period?: string;
}

interface ComposeFile {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

function read(name: string): ComposeFile {
  return readYaml(join(root, 'infra', name)) as ComposeFile;
}

const { services } = read('compose.yml');
const shop = Object.entries(services).filter(([, { profiles }]) => profiles === undefined);
const oneShots = ['secrets', 'topics'];

/** What a service finds in its environment: what the file says, and what is in the files of secrets that it is given. */
function environmentOf(name: string): Env {
  const { environment = {}, command } = services[name]!;
  const secrets = newSecrets('mariadb');
  const given = (Object.keys(secretFiles) as (keyof Secrets)[])
    .filter((secret) => command.some((word) => word.endsWith(`/${secretFiles[secret]}`)))
    .map((secret) => [secret, secrets[secret]]);
  // The image listens on every address of its container; a name without a value is not set.
  const set = Object.entries(environment).filter(([, value]) => value !== null);
  return Object.fromEntries([
    ['HOST', '0.0.0.0'],
    ...given,
    ...set.map(([key, value]) => [key, String(value)]),
  ]) as Env;
}

interface Mount {
  volume: string;
  path: string;
  mode: string | undefined;
}

function mountsOf(name: string): Mount[] {
  return (services[name]!.volumes ?? []).map((words) => {
    const [volume = '', path = '', mode] = words.split(':');
    return { volume, path, mode };
  });
}

/** Is the file of a secret below what is mounted, by whatever path? */
function reaches(secret: keyof Secrets): (mount: Mount) => boolean {
  const dir = dirname(`/run/millrace/secrets/${secretFiles[secret]}`);
  const holding = mountsOf('secrets').filter(({ path }) => `${dir}/`.startsWith(`${path}/`));
  return ({ volume }) => holding.some((each) => each.volume === volume);
}

async function configOf(name: string): Promise<{ service: HttpServiceSettings }> {
  const path = `../../../services/${name}/config.ts`;
  const { loadConfig } = (await import(path)) as {
    loadConfig: (env: Env) => { service: HttpServiceSettings };
  };
  return loadConfig(environmentOf(name));
}

describe('infra/compose.yml', () => {
  const named = [...serviceNames, 'storefront'];

  it('has everything that the demo starts, and the shop page', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining([...named, 'mariadb', 'redis', 'namesrv', 'broker', ...oneShots]),
    );
  });

  it.each(named)('gives %s all that its settings need, and its usual port', async (name) => {
    const { service } = await configOf(name);
    expect(service.host).toBe('0.0.0.0');
    const usual = name === 'storefront' ? 8080 : 3001 + serviceNames.indexOf(name as 'order');
    expect(service.port).toBe(usual);
    expect(services[name]!.command.at(-1)).toBe(`services/dist/${name}/main.js`);
  });

  it.each(serviceNames)('has %s use the schema that the audit reads', async (name) => {
    const { service } = (await configOf(name)) as {
      service: { database: { schema: string } } & HttpServiceSettings;
    };
    expect(service.database.schema).toBe(schemas[name]);
  });

  it.each(named)('tells %s where each other service listens', (name) => {
    const { environment = {} } = services[name]!;
    const told = serviceNames.map((other) => environment[urlVariable(other)]);
    expect(told).toEqual(
      serviceNames.map((other) => `http://${other}:${services[other]!.environment!['PORT']}`),
    );
  });

  it('keeps every secret from who does not need it', () => {
    const told = (secret: keyof Secrets): string[] =>
      named.filter((name) => environmentOf(name)[secret] !== undefined);
    const reached = (secret: keyof Secrets): string[] =>
      Object.keys(services).filter((name) => mountsOf(name).some(reaches(secret)));
    const needs = {
      CHANNEL_SECRET: ['payment', 'third-party'],
      CUSTOMER_TOKEN_SECRET: ['flashsale', 'storefront'],
      DATABASE_URL: serviceNames,
    };
    for (const [secret, needing] of Object.entries(needs) as [keyof Secrets, string[]][]) {
      expect(told(secret)).toEqual(needing);
      expect(reached(secret)).toEqual(['secrets', ...needing]);
    }
    const database = Object.keys(services).filter((name) =>
      mountsOf(name).some(({ volume }) => volume === 'database-user'),
    );
    expect(database).toEqual(['secrets', 'mariadb']);
  });

  it('lets nobody but who makes the secrets write them, each in a volume of its own', () => {
    const making = mountsOf('secrets');
    expect(new Set(making.map(({ volume }) => volume)).size).toBe(making.length);
    const byPath = new Map(making.map(({ path, volume }) => [path, volume]));
    for (const name of named) {
      for (const { volume, path, mode } of mountsOf(name)) {
        expect({ name, volume, mode }).toEqual({ name, volume: byPath.get(path), mode: 'ro' });
      }
    }
  });

  it('lets no other image take the volumes over before the secrets are in them', () => {
    const made = new Set(mountsOf('secrets').map(({ volume }) => volume));
    const { image } = services['secrets']!;
    const others = Object.keys(services).filter((name) => services[name]!.image !== image);
    const mounts = others.flatMap(mountsOf).filter(({ volume }) => made.has(volume));
    expect(mounts.map(({ mode }) => mode)).toEqual(['ro,nocopy']);
  });

  it('publishes one port, on loopback', () => {
    expect(shop.flatMap(([, { ports = [] }]) => ports)).toEqual([
      '127.0.0.1:${SHOP_PORT:-8080}:8080',
    ]);
  });

  it('names a version of every image', () => {
    for (const { image } of Object.values(services)) {
      expect(image).toMatch(/:[^:}]+\}?$/);
      expect(image).not.toContain('latest');
    }
    expect(baseImages).toEqual(
      expect.arrayContaining([services['mariadb']!.image, services['redis']!.image]),
    );
  });

  it('limits the memory of all that stays, and starts it again', () => {
    const staying = shop.filter(([name]) => !oneShots.includes(name));
    expect(staying.filter(([, { mem_limit }]) => mem_limit === undefined)).toEqual([]);
    expect(staying.filter(([, { restart }]) => restart !== 'unless-stopped')).toEqual([]);
  });

  it('waits for health, or for the end of what runs once', () => {
    const waits = shop.flatMap(([, { depends_on = {} }]) => Object.entries(depends_on));
    const wrong = waits.filter(
      ([on, { condition }]) =>
        condition !==
        (oneShots.includes(on) ? 'service_completed_successfully' : 'service_healthy'),
    );
    expect(wrong).toEqual([]);
  });

  it('has the page there whoever of the shop is ill', () => {
    expect(Object.keys(services['storefront']!.depends_on!)).toEqual(['secrets']);
  });

  it('lets services end in time: longer than they give themselves', async () => {
    for (const name of named) {
      const { service } = await configOf(name);
      const graceS = Number.parseInt(services[name]!.stop_grace_period!, 10);
      expect(graceS * 1_000).toBeGreaterThan(service.stopTimeoutMs);
    }
  });

  it('has MariaDB write the log that is followed', () => {
    expect(services['mariadb']!.command).toEqual(expect.arrayContaining([...binlogSettings]));
  });

  it('starts our broker and name server with settings that they take, reachable by the others', () => {
    const broker = loadBrokerConfig({ flags: flagsOf('broker', brokerOptions) }, silentLogger);
    expect(broker).toMatchObject({
      bindAddress: '0.0.0.0',
      listenPort: 10911,
      brokerIP1: 'broker',
      namesrvAddr: 'namesrv:9876',
      flushDiskType: 'SYNC_FLUSH',
    });
    const nameServer = loadNameServerConfig(
      { flags: flagsOf('namesrv', nameServerOptions) },
      silentLogger,
    );
    expect(nameServer).toMatchObject({ bindAddress: '0.0.0.0', listenPort: 9876 });
  });
});

/** `--broker-ip1=broker` as the property brokerIP1, as the command line reads it. */
function flagsOf(
  name: string,
  options: readonly { property: string; flag: string }[],
): Record<string, string> {
  const flags = services[name]!.command.filter((word) => word.startsWith('--'));
  return Object.fromEntries(
    flags.map((word) => {
      const [flag = '', value = ''] = word.slice(2).split('=');
      const option = options.find((each) => each.flag === flag);
      if (option === undefined) throw new Error(`${name} has no flag --${flag}`);
      return [option.property, value];
    }),
  );
}

describe('infra/compose.rocketmq.yml', () => {
  const { services: swapped } = read('compose.rocketmq.yml');

  it('swaps broker and name server, and nothing else', () => {
    expect(Object.keys(swapped).toSorted()).toEqual(['broker', 'namesrv', 'rocketmq-store']);
    for (const { image } of Object.values(swapped)) expect(image).toBe(rocketmqImage);
  });

  it('has its image fetched, which is not built here as the one of the services it takes the place of', () => {
    const policies = (of: Record<string, ComposeService>): unknown[] => [
      ...new Set(Object.values(of).map(({ pull_policy }) => pull_policy)),
    ];
    expect(policies(swapped)).toEqual(['if_not_present']);
    const ours = Object.entries(services).filter(([, { image }]) => image.includes('MILLRACE'));
    expect(policies(Object.fromEntries(ours))).toEqual(['never']);
  });
});

describe('what the check overrides', () => {
  const hurried = (isOwnBroker: boolean): Record<string, ComposeService> =>
    (hurriedShop(1, isOwnBroker) as { services: Record<string, ComposeService> }).services;
  const overridden = hurried(true);

  it('is of services that there are', () => {
    expect(Object.keys(services)).toEqual(expect.arrayContaining(Object.keys(overridden)));
  });

  it('is in a hurry, by settings that the processes take', () => {
    expect(overridden['order']!.environment).toMatchObject({ ORDER_PAY_TIMEOUT_MS: '12000' });
    const env = overridden['broker']!.environment as Env;
    expect(loadBrokerConfig({ env }, silentLogger)).toMatchObject({
      transactionCheckInterval: 1_000,
    });
  });

  it("leaves Apache RocketMQ's broker at its own pace, and coupon as many retries as come in time", () => {
    const onRocketmq = hurried(false);
    expect(onRocketmq['broker']).toBeUndefined();
    expect(onRocketmq['coupon']!.environment).toMatchObject({ MAX_RECONSUME_TIMES: '1' });
    expect(overridden['coupon']!.environment).toMatchObject({ MAX_RECONSUME_TIMES: '2' });
  });

  it('sends coupon to its database through the gate', () => {
    expect(overridden['coupon']!.command.at(-1)).toContain(`@${couponGate.host}:3306`);
    expect(newSecrets('mariadb').DATABASE_URL).toMatch(/@mariadb:3306$/);
  });
});

describe('infra/Dockerfile', () => {
  const lines = readFileSync(join(root, 'infra', 'Dockerfile'), 'utf8').split('\n');
  const ofFinalStage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  it('starts from an image that the check looks for, and runs as somebody who is not root', () => {
    const from = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
    expect(baseImages).toContain(from[0]);
    expect(ofFinalStage[0]).toBe(`FROM ${from[0]}`);
    expect(ofFinalStage.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
  });

  it('asks for health', () => {
    expect(ofFinalStage.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
  });

  it('installs packages before it has any source', () => {
    const install = lines.findIndex((line) => line.includes('npm ci'));
    const sources = lines.findIndex((line) => /^COPY (mq|services|infra) /.test(line));
    expect(install).toBeGreaterThan(0);
    expect(install).toBeLessThan(sources);
  });
});

describe('Prometheus of the shop in containers', () => {
  interface Prometheus {
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  }
  const jobsOf = (path: string): Record<string, string[]> => {
    const config = readYaml(join(root, 'infra', path)) as Prometheus;
    return Object.fromEntries(
      config.scrape_configs.map((job) => [
        job.job_name,
        job.static_configs.flatMap(({ targets }) => targets),
      ]),
    );
  };

  it('asks each process where it listens, by its name', () => {
    const jobs = jobsOf('containers/prometheus.yml');
    const listening = [...serviceNames, 'storefront'].map(
      (name) => `${name}:${services[name]!.environment!['PORT']}`,
    );
    expect(jobs['services']).toEqual(listening);
    expect([jobs['broker'], jobs['nameserver']]).toEqual([['broker:5557'], ['namesrv:5556']]);
  });
});
