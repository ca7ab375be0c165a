import { EnvReader, type Env } from '../common/env.ts';
import {
  readMessagingServiceSettings,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface RefundConfig {
  readonly service: MessagingServiceSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): RefundConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, 'refund');
  reader.finish();
  return Object.freeze({ service });
}
