import type { EnvReader } from './env.ts';
import type { ConsumptionSettings } from './consumption.ts';
import type { HttpPeerOptions } from './http-peer.ts';
import type { OutboxSettings } from './outbox-relay.ts';
import { servicePorts, type ServiceName } from '../contracts/service-ports.ts';

export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The service's own schema; created on start when it is missing. */
  readonly schema: string;
  readonly poolSize: number;
  /** How long a transaction may wait for its process before the database ends it and its locks. */
  readonly idleTransactionMs: number;
}

/** What every process is told that answers over HTTP. */
export interface HttpServiceSettings {
  readonly host: string;
  /** 0 lets the system choose; the `listening` log line tells which. */
  readonly port: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Time running requests and listeners get after SIGTERM before the process ends anyway. */
  readonly stopTimeoutMs: number;
  /** What of it listeners get, and after them running requests; the rest is for good-byes and the database. */
  readonly stopGraceMs: number;
}

/** What every service with a schema of its own is told. */
export interface ServiceSettings extends HttpServiceSettings {
  readonly database: DatabaseSettings;
}

/** What a service is told that speaks through the broker. */
export interface MessagingServiceSettings extends ServiceSettings {
  readonly namesrvAddr: string;
  readonly inbox: InboxSettings;
  readonly outbox: OutboxSettings;
  readonly consumption: ConsumptionSettings;
}

export function readServiceSettings(env: EnvReader, name: ServiceName): ServiceSettings {
  return Object.freeze({
    ...readHttpServiceSettings(env, name),
    database: readDatabaseSettings(env, `millrace_${name.replaceAll('-', '_')}`),
  });
}

export function readHttpServiceSettings(env: EnvReader, name: ServiceName): HttpServiceSettings {
  const stopTimeoutMs = env.integer('STOP_TIMEOUT_MS', {
    default: 10_000,
    min: 100,
    max: 300_000,
  });
  return Object.freeze({
    host: env.text('HOST', { default: '127.0.0.1', pattern: /^[\w.:-]+$/, mustBe: 'an address' }),
    port: env.integer('PORT', { default: servicePorts[name], min: 0, max: 65_535 }),
    logLevel: env.choice('LOG_LEVEL', ['debug', 'info', 'warn', 'error'], 'info'),
    stopTimeoutMs,
    stopGraceMs: Math.floor(stopTimeoutMs / 3),
  });
}

export function readMessagingServiceSettings(
  env: EnvReader,
  name: ServiceName,
): MessagingServiceSettings {
  return Object.freeze({
    ...readServiceSettings(env, name),
    namesrvAddr: readNamesrvAddr(env),
    inbox: readInboxSettings(env),
    outbox: readOutboxSettings(env),
    consumption: readConsumptionSettings(env),
  });
}

/** What a broker of RocketMQ 5 delays a message by at most, unless it is set up otherwise. */
export const LONGEST_DELAY_MS = 259_200_000;

/** Where another service or third party is. Without a slash at the end: paths begin with one. */
export function readPeer(
  env: EnvReader,
  name: ServiceName,
  defaultTimeoutMs: number,
): HttpPeerOptions {
  const prefix = name.toUpperCase().replaceAll('-', '_');
  const defaultUrl = `http://127.0.0.1:${servicePorts[name]}`;
  const url = env.optionalUrl(`${prefix}_URL`, ['http:', 'https:'], defaultUrl);
  return Object.freeze({
    name,
    url: url.href.replace(/\/+$/, ''),
    timeoutMs: env.integer(`${prefix}_TIMEOUT_MS`, {
      default: defaultTimeoutMs,
      min: 10,
      max: 60_000,
    }),
  });
}

export function readNamesrvAddr(env: EnvReader): string {
  const namesrvAddr = env.text('NAMESRV_ADDR', {
    pattern: /^[^\s:;]+:\d{1,5}(;[^\s:;]+:\d{1,5})*$/,
    mustBe: 'host:port, several separated by ;',
  });
  for (const address of namesrvAddr.split(';')) {
    const port = Number(address.split(':')[1] ?? 1);
    env.require(
      !(port < 1 || port > 65_535),
      `NAMESRV_ADDR names port ${port}, it must be from 1 to 65535`,
    );
  }
  return namesrvAddr;
}

function readDatabaseSettings(env: EnvReader, defaultSchema: string): DatabaseSettings {
  const url = env.url('DATABASE_URL', ['mysql:', 'mariadb:']);
  env.require(
    url.pathname === '/' || url.pathname === '',
    `DATABASE_URL names the schema ${JSON.stringify(url.pathname.slice(1))}, it must end after the port: ` +
      'each service has a schema of its own (DATABASE_SCHEMA)',
  );
  // To ignore `?ssl=…` would be to send in the clear what somebody wanted encrypted.
  env.require(
    url.search === '' && url.hash === '',
    'DATABASE_URL has a part after the schema (? or #), none is understood',
  );
  return Object.freeze({
    // A URL writes an IPv6 address in brackets, a socket wants it without.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username) || 'root',
    password: decodeURIComponent(url.password),
    schema: env.text('DATABASE_SCHEMA', {
      default: defaultSchema,
      pattern: /^[a-z][a-z0-9_]{0,63}$/,
      mustBe: 'at most 64 characters a-z, 0-9 and _, starting with a letter',
    }),
    poolSize: env.integer('DATABASE_POOL_SIZE', { default: 10, min: 2, max: 500 }),
    idleTransactionMs: env.integer('DATABASE_IDLE_TRANSACTION_MS', {
      default: 120_000,
      min: 1_000,
      max: 3_600_000,
    }),
  });
}

/** Where a consumer keeps its quick memory of handled events. */
export interface InboxSettings {
  readonly redisUrl: string;
  /** How long Redis says "somebody is on it"; must outlast one handling, or overlaps go unnoticed in the log. */
  readonly processingExpiryMs: number;
  /** How long Redis spares the database a duplicate. After that the unique key alone refuses it. */
  readonly doneExpiryMs: number;
}

function readInboxSettings(env: EnvReader): InboxSettings {
  const redis = env.url('REDIS_URL', ['redis:', 'rediss:']);
  env.require(
    /^\/?\d*$/.test(redis.pathname),
    `REDIS_URL names the database ${JSON.stringify(redis.pathname.slice(1))}, it must be a number`,
  );
  const settings = {
    redisUrl: redis.href,
    processingExpiryMs: env.integer('INBOX_PROCESSING_EXPIRY_MS', {
      default: 60_000,
      min: 1_000,
      max: 3_600_000,
    }),
    doneExpiryMs: env.integer('INBOX_DONE_EXPIRY_MS', {
      default: 86_400_000,
      min: 1_000,
      max: 2_592_000_000,
    }),
  };
  env.require(
    settings.processingExpiryMs <= settings.doneExpiryMs,
    `INBOX_PROCESSING_EXPIRY_MS is ${settings.processingExpiryMs}, it must not exceed INBOX_DONE_EXPIRY_MS (${settings.doneExpiryMs})`,
  );
  return Object.freeze(settings);
}

function readConsumptionSettings(env: EnvReader): ConsumptionSettings {
  return Object.freeze({
    // With the usual back-off, 16 take almost 5 hours.
    maxReconsumeTimes: env.integer('MAX_RECONSUME_TIMES', { default: 16, min: 0, max: 1_000 }),
    // Level 5 is a minute, unless the broker's levels were changed.
    deadLetterRetryLevel: env.integer('DEAD_LETTER_RETRY_LEVEL', { default: 5, min: 1, max: 18 }),
  });
}

function readOutboxSettings(env: EnvReader): OutboxSettings {
  const settings = {
    pollMs: env.integer('OUTBOX_POLL_MS', { default: 500, min: 10, max: 60_000 }),
    batchCount: env.integer('OUTBOX_BATCH_COUNT', { default: 256, min: 1, max: 10_000 }),
    concurrency: env.integer('OUTBOX_CONCURRENCY', { default: 32, min: 1, max: 1_000 }),
    minBackoffMs: env.integer('OUTBOX_MIN_BACKOFF_MS', { default: 100, min: 1, max: 60_000 }),
    maxBackoffMs: env.integer('OUTBOX_MAX_BACKOFF_MS', { default: 2_000, min: 1, max: 600_000 }),
  };
  env.require(
    settings.minBackoffMs <= settings.maxBackoffMs,
    `OUTBOX_MIN_BACKOFF_MS is ${settings.minBackoffMs}, it must not exceed OUTBOX_MAX_BACKOFF_MS (${settings.maxBackoffMs})`,
  );
  return Object.freeze(settings);
}
