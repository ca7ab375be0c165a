import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import { servicePorts } from '../contracts/service-ports.ts';
import {
  LONGEST_DELAY_MS,
  readMessagingServiceSettings,
  readPeer,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

/** How callbacks of the channel are known to be its own. */
export interface CallbackSettings {
  /** Known to the channel and to us. */
  readonly secret: string;
  /** How far the time of a signature may be from ours. */
  readonly toleranceMs: number;
}

/** What is done about a payment of which the channel does not tell. */
export interface QuerySettings {
  /** After that the channel is asked for the first time. */
  readonly delayMs: number;
  /** After that the channel is told to forget it, and the payment has failed. */
  readonly giveUpMs: number;
}

export interface PaymentConfig {
  readonly service: MessagingServiceSettings;
  readonly order: HttpPeerOptions;
  readonly channel: HttpPeerOptions;
  /** Where the channel reaches us. */
  readonly callbackUrl: string;
  readonly callbacks: CallbackSettings;
  readonly query: QuerySettings;
}

const MIN_SECRET_CHARACTERS = 16;

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): PaymentConfig {
  const reader = new EnvReader(env);
  const config = {
    service: readMessagingServiceSettings(reader, 'payment'),
    order: readPeer(reader, 'order', 2_000),
    channel: readPeer(reader, 'third-party', 2_000),
    callbackUrl: readCallbackUrl(reader),
    callbacks: Object.freeze({
      secret: reader.secret('CHANNEL_SECRET', MIN_SECRET_CHARACTERS),
      toleranceMs: reader.integer('CALLBACK_TOLERANCE_MS', {
        default: 300_000,
        min: 1_000,
        max: 86_400_000,
      }),
    }),
    query: readQuerySettings(reader),
  };
  reader.finish();
  return Object.freeze(config);
}

/** A user in it would be sent to the channel with every charge. */
function readCallbackUrl(reader: EnvReader): string {
  const url = reader.optionalUrl(
    'CALLBACK_URL',
    ['http:', 'https:'],
    `http://127.0.0.1:${servicePorts.payment}/channel-callbacks`,
  );
  reader.require(url.username === '' && url.password === '', 'CALLBACK_URL must not name a user');
  return url.href;
}

function readQuerySettings(reader: EnvReader): QuerySettings {
  const settings = {
    delayMs: reader.integer('PAYMENT_QUERY_DELAY_MS', {
      default: 10_000,
      min: 10,
      max: LONGEST_DELAY_MS,
    }),
    giveUpMs: reader.integer('PAYMENT_GIVE_UP_MS', {
      default: 900_000,
      min: 10,
      max: LONGEST_DELAY_MS,
    }),
  };
  reader.require(
    settings.delayMs <= settings.giveUpMs,
    `PAYMENT_QUERY_DELAY_MS is ${settings.delayMs}, it must not exceed PAYMENT_GIVE_UP_MS (${settings.giveUpMs})`,
  );
  return Object.freeze(settings);
}
