import { EnvReader, type Env } from '../common/env.ts';
import type { HttpPeerOptions } from '../common/http-peer.ts';
import {
  readMessagingServiceSettings,
  readPeer,
  type MessagingServiceSettings,
} from '../common/service-settings.ts';

/** gate: admits customers. keeper: has their orders placed, and keeps the ledger. */
export type FlashSaleRole = 'gate' | 'keeper' | 'all';

export interface RateSettings {
  /** Requests a second in the long run; 0: as many as come. */
  readonly ratePerS: number;
  /** Requests at once after a while without any. */
  readonly burst: number;
}

export interface GateSettings {
  readonly tokenSecret: string;
  readonly userRate: RateSettings;
  readonly addressRate: RateSettings;
  /** The customer's address is the last one of X-Forwarded-For, which a proxy of ours has written. */
  readonly isBehindProxy: boolean;
  /** What the broker has to take the messages of customers who wait; then they are spooled. */
  readonly sendTimeoutMs: number;
}

export interface KeeperSettings {
  /** How long after its admission a ticket is given up whose message nobody has said to be safe. */
  readonly pendingTimeoutMs: number;
  /** Tickets in one batch at most. */
  readonly batchCount: number;
  /** Orders placed a second at most; 0: as many as the database takes. */
  readonly ordersPerS: number;
  /** What a batch may take; when batches take longer, they become smaller and fewer. */
  readonly targetBatchMs: number;
  readonly order: HttpPeerOptions;
}

export interface FlashSaleConfig {
  readonly service: MessagingServiceSettings;
  readonly role: FlashSaleRole;
  /** Processes that share the port. */
  readonly gateProcessCount: number;
  readonly gate: GateSettings;
  readonly keeper: KeeperSettings;
  readonly stock: HttpPeerOptions;
}

/** How long after a customer was admitted his message may become safe: it is sent to the broker, and then into the spool. */
export function sendGraceMs({ sendTimeoutMs }: Pick<GateSettings, 'sendTimeoutMs'>): number {
  return sendTimeoutMs * 2;
}

const MAX_RATE_PER_S = 1_000_000;

/** Errors: ConfigError naming every bad setting. */
export function loadConfig(env: Env): FlashSaleConfig {
  const reader = new EnvReader(env);
  const config = {
    service: readMessagingServiceSettings(reader, 'flashsale'),
    role: reader.choice('FLASHSALE_ROLE', ['gate', 'keeper', 'all'], 'all'),
    gateProcessCount: reader.integer('FLASHSALE_GATE_PROCESSES', { default: 1, min: 1, max: 64 }),
    gate: readGateSettings(reader),
    keeper: readKeeperSettings(reader),
    stock: readPeer(reader, 'stock', 2_000),
  };
  const { gate, keeper, role, gateProcessCount } = config;
  reader.require(
    sendGraceMs(gate) <= keeper.pendingTimeoutMs,
    `FLASHSALE_SEND_TIMEOUT_MS is ${gate.sendTimeoutMs}, twice that must not exceed FLASHSALE_PENDING_TIMEOUT_MS ` +
      `(${keeper.pendingTimeoutMs}): tickets would be given up while their messages are sent`,
  );
  reader.require(
    role !== 'keeper' || gateProcessCount === 1,
    `FLASHSALE_GATE_PROCESSES is ${gateProcessCount}, a keeper (FLASHSALE_ROLE) has no gates`,
  );
  reader.finish();
  return Object.freeze(config);
}

function readGateSettings(reader: EnvReader): GateSettings {
  return Object.freeze({
    tokenSecret: reader.secret('CUSTOMER_TOKEN_SECRET', 16),
    userRate: readRate(reader, 'USER', { ratePerS: 5, burst: 10 }),
    addressRate: readRate(reader, 'ADDRESS', { ratePerS: 200, burst: 400 }),
    isBehindProxy: reader.choice('TRUST_PROXY', ['0', '1'], '0') === '1',
    sendTimeoutMs: reader.integer('FLASHSALE_SEND_TIMEOUT_MS', {
      default: 3_000,
      min: 100,
      max: 60_000,
    }),
  });
}

function readRate(reader: EnvReader, whose: string, defaults: RateSettings): RateSettings {
  const name = `FLASHSALE_${whose}_RATE_PER_S`;
  return Object.freeze({
    ratePerS: reader.integer(name, { default: defaults.ratePerS, min: 0, max: MAX_RATE_PER_S }),
    burst: reader.integer(`FLASHSALE_${whose}_BURST`, {
      default: defaults.burst,
      min: 1,
      max: MAX_RATE_PER_S,
    }),
  });
}

function readKeeperSettings(reader: EnvReader): KeeperSettings {
  return Object.freeze({
    pendingTimeoutMs: reader.integer('FLASHSALE_PENDING_TIMEOUT_MS', {
      default: 10_000,
      min: 200,
      max: 600_000,
    }),
    batchCount: reader.integer('FLASHSALE_BATCH_COUNT', { default: 256, min: 1, max: 256 }),
    ordersPerS: reader.integer('FLASHSALE_ORDERS_PER_S', {
      default: 0,
      min: 0,
      max: MAX_RATE_PER_S,
    }),
    targetBatchMs: reader.integer('FLASHSALE_TARGET_BATCH_MS', {
      default: 500,
      min: 10,
      max: 60_000,
    }),
    order: readPeer(reader, 'order', 10_000),
  });
}
