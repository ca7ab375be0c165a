import { EnvReader, type Env } from '../common/env.ts';
import type { OutboxSettings } from '../common/outbox-relay.ts';
import { readServiceSettings, type ServiceSettings } from '../common/service-settings.ts';

export interface OrderConfig {
  readonly service: ServiceSettings;
  readonly outbox: OutboxSettings;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): OrderConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, { port: 3001, schema: 'millrace_order' });
  const outbox = Object.freeze({
    pollMs: reader.integer('OUTBOX_POLL_MS', { default: 500, min: 10, max: 60_000 }),
    batchCount: reader.integer('OUTBOX_BATCH_COUNT', { default: 256, min: 1, max: 10_000 }),
    concurrency: reader.integer('OUTBOX_CONCURRENCY', { default: 32, min: 1, max: 1_000 }),
    minBackoffMs: reader.integer('OUTBOX_MIN_BACKOFF_MS', { default: 100, min: 1, max: 60_000 }),
    maxBackoffMs: reader.integer('OUTBOX_MAX_BACKOFF_MS', { default: 2_000, min: 1, max: 600_000 }),
  });
  reader.require(
    outbox.minBackoffMs <= outbox.maxBackoffMs,
    `OUTBOX_MIN_BACKOFF_MS is ${outbox.minBackoffMs}, it must not exceed OUTBOX_MAX_BACKOFF_MS (${outbox.maxBackoffMs})`,
  );
  reader.finish();
  return Object.freeze({ service, outbox });
}
