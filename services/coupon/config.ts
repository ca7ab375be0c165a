import { EnvReader, type Env } from '../common/env.ts';
import {
  readMessagingServiceSettings,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface CouponConfig {
  readonly service: MessagingServiceSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): CouponConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, { port: 3002, schema: 'millrace_coupon' });
  reader.finish();
  return Object.freeze({ service });
}
