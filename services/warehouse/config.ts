import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import {
  readMessagingServiceSettings,
  readPeer,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

export interface WarehouseConfig {
  readonly service: MessagingServiceSettings;
  /** The carrier. */
  readonly thirdParty: HttpPeerOptions;
  /** How long a parcel takes to be packed before it is handed over. */
  readonly packingMs: number;
}

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): WarehouseConfig {
  const reader = new EnvReader(env);
  const config = {
    service: readMessagingServiceSettings(reader, 'warehouse'),
    thirdParty: readPeer(reader, 'third-party', 2_000),
    packingMs: reader.integer('PACKING_MS', { default: 2_000, min: 0, max: 86_400_000 }),
  };
  reader.finish();
  return Object.freeze(config);
}
