import { EnvReader, type Env } from '../common/env.ts';
import {
  readMessagingServiceSettings,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';
import { readCopySettings, type CopySettings } from './copy/copy-settings.ts';
import { readFollowerSettings, type FollowerSettings } from './follower/follower-settings.ts';

export interface SyncConfig {
  readonly service: MessagingServiceSettings;
  readonly follower: FollowerSettings;
  readonly copy: CopySettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): SyncConfig {
  const reader = new EnvReader(env);
  const service = readMessagingServiceSettings(reader, 'sync');
  const follower = readFollowerSettings(reader, service.database);
  const copy = readCopySettings(reader, service.database);
  reader.finish();
  return Object.freeze({ service, follower, copy });
}
