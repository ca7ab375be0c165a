import { EnvReader, type Env } from '../common/env.ts';
import type { OutboxSettings } from '../common/outbox-relay.ts';
import {
  readInboxSettings,
  readMaxReconsumeTimes,
  readOutboxSettings,
  readServiceSettings,
  type InboxSettings,
  type ServiceSettings,
} from '../common/service-settings.ts';

export interface PushConfig {
  readonly service: ServiceSettings;
  readonly inbox: InboxSettings;
  readonly outbox: OutboxSettings;
  readonly maxReconsumeTimes: number;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): PushConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, { port: 3003, schema: 'millrace_push' });
  const inbox = readInboxSettings(reader);
  const outbox = readOutboxSettings(reader);
  const maxReconsumeTimes = readMaxReconsumeTimes(reader, 'PUSH_MAX_RECONSUME_TIMES');
  reader.finish();
  return Object.freeze({ service, inbox, outbox, maxReconsumeTimes });
}
