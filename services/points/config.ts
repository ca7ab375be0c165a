import { EnvReader, type Env } from '../common/env.ts';
import {
  readMessagingServiceSettings,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface PointsConfig {
  readonly service: MessagingServiceSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): PointsConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, 'points');
  reader.finish();
  return Object.freeze({ service });
}
