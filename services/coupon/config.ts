import { EnvReader, type Env } from '../common/env.ts';
import {
  readInboxSettings,
  readMaxReconsumeTimes,
  readServiceSettings,
  type InboxSettings,
  type ServiceSettings,
} from '../common/service-settings.ts';

export interface CouponConfig {
  readonly service: ServiceSettings;
  readonly inbox: InboxSettings;
  readonly maxReconsumeTimes: number;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): CouponConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, { port: 3002, schema: 'millrace_coupon' });
  const inbox = readInboxSettings(reader);
  const maxReconsumeTimes = readMaxReconsumeTimes(reader, 'COUPON_MAX_RECONSUME_TIMES');
  reader.finish();
  return Object.freeze({ service, inbox, maxReconsumeTimes });
}
