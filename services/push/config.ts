import { EnvReader, type Env } from '../common/env.ts';
import {
  readInboxSettings,
  readServiceSettings,
  type InboxSettings,
  type ServiceSettings,
} from '../common/service-settings.ts';

export interface PushConfig {
  readonly service: ServiceSettings;
  readonly inbox: InboxSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): PushConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, { port: 3003, schema: 'millrace_push' });
  const inbox = readInboxSettings(reader);
  reader.finish();
  return Object.freeze({ service, inbox });
}
