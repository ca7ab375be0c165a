import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import { servicePorts, type ServiceName } from '../contracts/service-ports.ts';
import {
  readHttpServiceSettings,
  readNamesrvAddr,
  readPeer,
  type HttpServiceSettings,
} from '../common/service-settings.ts';

/** Everybody the page shows, in the order in which it shows them. */
export type PeerName = Exclude<ServiceName, 'storefront'>;
export const peerNames = (Object.keys(servicePorts) as ServiceName[]).filter(
  (name): name is PeerName => name !== 'storefront',
);

export interface StorefrontConfig {
  readonly service: HttpServiceSettings;
  readonly namesrvAddr: string;
  readonly peers: Readonly<Record<PeerName, HttpPeerOptions>>;
  /** What the tokens of a flash sale's crowd are signed with. */
  readonly customerTokenSecret: string;
  /** Under which names, without port, the page is reached, beside those of this machine. In lower case. */
  readonly allowedHosts: readonly string[];
  /** Where the switches of a demo are; undefined where the shop runs without one. */
  readonly stageUrl: string | undefined;
}

/** As long as a shop that is busy may take; a customer who waits sees that it does. */
const PEER_TIMEOUT_MS = 5_000;
const MIN_SECRET_CHARACTERS = 16;
const NO_STAGE = 'http://none.invalid';

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): StorefrontConfig {
  const reader = new EnvReader(env);
  const service = readHttpServiceSettings(reader, 'storefront');
  const namesrvAddr = readNamesrvAddr(reader);
  const customerTokenSecret = reader.secret('CUSTOMER_TOKEN_SECRET', MIN_SECRET_CHARACTERS);
  const peers = Object.fromEntries(
    peerNames.map((name) => [name, readPeer(reader, name, PEER_TIMEOUT_MS)]),
  ) as Record<PeerName, HttpPeerOptions>;
  const allowedHosts = reader.text('ALLOWED_HOSTS', {
    default: '',
    pattern: /^$|^(?:[\w.-]+|\[[\da-f:.]+\])(?:,(?:[\w.-]+|\[[\da-f:.]+\]))*$/i,
    mustBe: 'host names without port, several separated by ,',
  });
  const stage = reader.optionalUrl('STAGE_URL', ['http:'], NO_STAGE);
  reader.finish();
  return Object.freeze({
    service,
    namesrvAddr,
    peers: Object.freeze(peers),
    customerTokenSecret,
    allowedHosts: Object.freeze(
      allowedHosts
        .toLowerCase()
        .split(',')
        .filter((name) => name !== ''),
    ),
    stageUrl: stage.origin === NO_STAGE ? undefined : stage.href.replace(/\/+$/, ''),
  });
}
