import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import {
  LONGEST_DELAY_MS,
  readMessagingServiceSettings,
  readPeer,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface OrderConfig {
  readonly service: MessagingServiceSettings;
  /** How long an order may be paid; then it is closed. */
  readonly payTimeoutMs: number;
  /** How long a payment that is under way by then is waited for; then the order is closed, and late money goes back. */
  readonly closeGraceMs: number;
  /** How many orders may be being placed at a time. */
  readonly maxPlacing: number;
  readonly stock: HttpPeerOptions;
  readonly coupon: HttpPeerOptions;
  readonly payment: HttpPeerOptions;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): OrderConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, 'order');
  const payTimeoutMs = reader.integer('ORDER_PAY_TIMEOUT_MS', {
    default: 1_800_000,
    min: 100,
    max: LONGEST_DELAY_MS,
  });
  const closeGraceMs = reader.integer('ORDER_CLOSE_GRACE_MS', {
    default: 600_000,
    min: 0,
    max: LONGEST_DELAY_MS,
  });
  const maxPlacing = reader.integer('ORDER_MAX_PLACING', { default: 256, min: 1, max: 100_000 });
  const config = {
    service,
    payTimeoutMs,
    closeGraceMs,
    maxPlacing,
    stock: readPeer(reader, 'stock', 2_000),
    coupon: readPeer(reader, 'coupon', 2_000),
    payment: readPeer(reader, 'payment', 2_000),
  };
  reader.finish();
  return Object.freeze(config);
}
