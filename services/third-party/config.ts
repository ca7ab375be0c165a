import { randomInt } from 'node:crypto';
import { EnvReader, type Env } from '../common/env.ts';
import { readServiceSettings, type ServiceSettings } from '../common/service-settings.ts';
import { MAX_FAILURE_COUNT, MAX_LATENCY_MS, type Behaviour } from './domain/behaviour.ts';
import type { Backoff } from './domain/charge.ts';

export interface ThirdPartyConfig {
  readonly service: ServiceSettings;
  /** Signs callbacks; whoever is called knows it, too. */
  readonly channelSecret: string;
  readonly callbackBackoff: Backoff;
  /** The same seed and the same requests, one after the other, make the same mistakes. */
  readonly seed: number;
  /** How it misbehaves until it is told otherwise. */
  readonly behaviour: Behaviour;
}

const SEED_COUNT = 2 ** 32;
const MIN_SECRET_CHARACTERS = 16;

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): ThirdPartyConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, 'third-party');
  const channelSecret = reader.secret('CHANNEL_SECRET', MIN_SECRET_CHARACTERS);
  const callbackBackoff = readCallbackBackoff(reader);
  const seed = reader.integer('THIRD_PARTY_SEED', {
    default: randomInt(SEED_COUNT),
    min: 0,
    max: SEED_COUNT - 1,
  });
  const behaviour = readBehaviour(reader);
  reader.finish();
  return Object.freeze({ service, channelSecret, callbackBackoff, seed, behaviour });
}

function readCallbackBackoff(reader: EnvReader): Backoff {
  const backoff = {
    minMs: reader.integer('CHANNEL_CALLBACK_MIN_BACKOFF_MS', { default: 200, min: 1, max: 60_000 }),
    maxMs: reader.integer('CHANNEL_CALLBACK_MAX_BACKOFF_MS', {
      default: 10_000,
      min: 1,
      max: 600_000,
    }),
  };
  reader.require(
    backoff.minMs <= backoff.maxMs,
    `CHANNEL_CALLBACK_MIN_BACKOFF_MS is ${backoff.minMs}, it must not exceed CHANNEL_CALLBACK_MAX_BACKOFF_MS (${backoff.maxMs})`,
  );
  return Object.freeze(backoff);
}

function readBehaviour(reader: EnvReader): Behaviour {
  const ms = (name: string, byDefault: number): number =>
    reader.integer(name, { default: byDefault, min: 0, max: MAX_LATENCY_MS });
  const count = (name: string): number =>
    reader.integer(name, { default: 0, min: 0, max: MAX_FAILURE_COUNT });
  return Object.freeze({
    channel: {
      latencyMs: ms('CHANNEL_LATENCY_MS', 200),
      errorRate: readRate(reader, 'CHANNEL_ERROR_RATE'),
      lostAnswerRate: readRate(reader, 'CHANNEL_LOST_ANSWER_RATE'),
      declineRate: readRate(reader, 'CHANNEL_DECLINE_RATE'),
      duplicateCallbackRate: readRate(reader, 'CHANNEL_DUPLICATE_CALLBACK_RATE'),
      lateCallbackMs: ms('CHANNEL_LATE_CALLBACK_MS', 0),
      lostCallbackRate: readRate(reader, 'CHANNEL_LOST_CALLBACK_RATE'),
      failNextRefunds: count('CHANNEL_FAIL_NEXT_REFUNDS'),
      failRefundsOf: {},
    },
    carrier: {
      latencyMs: ms('CARRIER_LATENCY_MS', 200),
      errorRate: readRate(reader, 'CARRIER_ERROR_RATE'),
      lostAnswerRate: readRate(reader, 'CARRIER_LOST_ANSWER_RATE'),
      failNextShipments: count('CARRIER_FAIL_NEXT_SHIPMENTS'),
    },
  });
}

function readRate(reader: EnvReader, name: string): number {
  const text = reader.text(name, {
    default: '0',
    pattern: /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/,
    mustBe: 'a number from 0 to 1, as 0.25',
  });
  return Number(text);
}
