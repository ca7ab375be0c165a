import { EnvReader, type Env } from '../common/env.ts';
import {
  readMaxReconsumeTimes,
  readServiceSettings,
  type ServiceSettings,
} from '../common/service-settings.ts';

export interface OrderConfig {
  readonly service: ServiceSettings;
  /** How long an order may be paid; then it is closed. */
  readonly payTimeoutMs: number;
  readonly maxReconsumeTimes: number;
}

/** What a broker of RocketMQ 5 delays a message by at most, unless it is set up otherwise. */
const LONGEST_DELAY_MS = 259_200_000;

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): OrderConfig {
  const reader = new EnvReader(env);
  const service = readServiceSettings(reader, { port: 3001, schema: 'millrace_order' });
  const payTimeoutMs = reader.integer('ORDER_PAY_TIMEOUT_MS', {
    default: 1_800_000,
    min: 100,
    max: LONGEST_DELAY_MS,
  });
  const maxReconsumeTimes = readMaxReconsumeTimes(reader, 'ORDER_MAX_RECONSUME_TIMES');
  reader.finish();
  return Object.freeze({ service, payTimeoutMs, maxReconsumeTimes });
}
