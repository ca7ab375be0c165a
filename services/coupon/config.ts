import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import {
  LONGEST_DELAY_MS,
  readMessagingServiceSettings,
  readPeer,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface CouponConfig {
  readonly service: MessagingServiceSettings;
  /** How long after a redemption the order service is asked whether the order came to be. */
  readonly reservationCheckDelayMs: number;
  readonly order: HttpPeerOptions;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): CouponConfig {
  const reader = new EnvReader(env);
  const config = {
    service: readMessagingServiceSettings(reader, 'coupon'),
    reservationCheckDelayMs: reader.integer('RESERVATION_CHECK_DELAY_MS', {
      default: 60_000,
      min: 100,
      max: LONGEST_DELAY_MS,
    }),
    order: readPeer(reader, 'order', 2_000),
  };
  reader.finish();
  return Object.freeze(config);
}
