import { EnvReader, type Env } from '../common/env.ts';
import {
  readMessagingServiceSettings,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface PushConfig {
  readonly service: MessagingServiceSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): PushConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, 'push');
  reader.finish();
  return Object.freeze({ service });
}
