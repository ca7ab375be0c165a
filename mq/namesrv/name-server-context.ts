import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { NameServerConfig } from './config.ts';
import type { KvConfig } from './kv-config.ts';
import type { RouteInfo } from './route-info.ts';

/** The KV namespace of topics that keep a global order: topic → `broker-a:4;broker-b:4`. */
export const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG';

/** The name server's parts, as its request processors see them. */
export interface NameServerContext {
  readonly config: NameServerConfig;
  readonly routes: RouteInfo;
  readonly kv: KvConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}
