import { randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { SerializeType } from '../protocol/frame.ts';
import { externalAddress } from '../remoting/external-address.ts';

/** What every client is told. */
export interface ClientOptions {
  /** `host:port`, several separated by `;` or `,`. */
  namesrvAddr: string;
  /** Second half of the clientId, which must be unique in a consumer group. Default: process id and a random part. */
  instanceName?: string;
  /** Default: logs nothing. */
  logger?: Logger;
  /** First half of the clientId. Default: the first external IPv4 address. */
  clientIp?: string;
  /** For everything but sends and pulls. Default 3000. */
  requestTimeoutMs?: number;
  /** Header encoding of requests. Default JSON, which every peer reads. */
  serializeType?: 'JSON' | 'ROCKETMQ';
  /** For tests that advance time instead of waiting. Default: the system's. */
  clock?: Clock;
}

/** Largest body, and batch body; the brokers' own limit by default. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export interface ClientSettings {
  readonly namesrvAddr: string;
  readonly clientId: string;
  readonly clientIp: string;
  readonly logger: Logger;
  readonly requestTimeoutMs: number;
  readonly serializeType: SerializeType;
  readonly clock: Clock;
}

export function clientSettings(options: ClientOptions): ClientSettings {
  const clientIp = options.clientIp ?? externalAddress();
  const instanceName = options.instanceName ?? `${process.pid}#${randomBytes(6).toString('hex')}`;
  return {
    namesrvAddr: options.namesrvAddr,
    clientIp,
    clientId: `${clientIp}@${instanceName}`,
    logger: options.logger ?? silentLogger,
    requestTimeoutMs: milliseconds('requestTimeoutMs', options.requestTimeoutMs ?? 3_000),
    serializeType:
      SerializeType[oneOf('serializeType', options.serializeType ?? 'JSON', ['JSON', 'ROCKETMQ'])],
    clock: options.clock ?? systemClock,
  };
}

/** Errors: CONFIG_INVALID naming the option and its value. */
export function positive(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0) {
    throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be a number above 0`);
  }
  return value;
}

/** The longest that a timer can wait; Node lets one that is told more fire at once. */
const LONGEST_MS = 0x7fff_ffff;

/** Errors: CONFIG_INVALID naming the option and its value. */
export function milliseconds(name: string, value: number): number {
  if (positive(name, value) > LONGEST_MS) {
    throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be at most ${LONGEST_MS}`);
  }
  return value;
}

/** For options that TypeScript's callers cannot get wrong. Errors: CONFIG_INVALID naming the option and its value. */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw new MqError('CONFIG_INVALID', `${name} is ${value}, not one of ${choices.join(', ')}`);
}

/** Errors: CONFIG_INVALID naming the option and its value. */
export function wholeNumber(name: string, value: number, lowest = 0): number {
  if (!Number.isSafeInteger(value) || value < lowest) {
    throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be an integer ≥ ${lowest}`);
  }
  return value;
}

/** Errors: CONFIG_INVALID naming the option and its value. */
export function within(name: string, value: number, lowest: number, highest: number): number {
  if (wholeNumber(name, value, lowest) > highest) {
    throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be at most ${highest}`);
  }
  return value;
}

const HIGHEST_INT32 = 0x7fff_ffff;

/** For numbers that travel as an int32. Errors: CONFIG_INVALID naming the option and its value. */
export function int32(name: string, value: number, lowest = 0): number {
  return within(name, value, lowest, HIGHEST_INT32);
}
