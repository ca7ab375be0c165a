import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { systemClock, type Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { SerializeType } from '../protocol/frame.ts';

/** What every client is told. */
export interface ClientOptions {
  /** `host:port`, several separated by `;`. */
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
  clock?: Clock;
}

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
  const clientIp = options.clientIp ?? ownAddress();
  const instanceName = options.instanceName ?? `${process.pid}#${randomBytes(6).toString('hex')}`;
  return {
    namesrvAddr: options.namesrvAddr,
    clientIp,
    clientId: `${clientIp}@${instanceName}`,
    logger: options.logger ?? silentLogger,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 3_000),
    serializeType:
      options.serializeType === 'ROCKETMQ' ? SerializeType.ROCKETMQ : SerializeType.JSON,
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

/** Errors: CONFIG_INVALID naming the option and its value. */
export function wholeNumber(name: string, value: number, lowest = 0): number {
  if (!Number.isSafeInteger(value) || value < lowest) {
    throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be an integer ≥ ${lowest}`);
  }
  return value;
}

function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  return '127.0.0.1';
}
