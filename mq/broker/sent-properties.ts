import { MqError } from '../errors.ts';
import type { PlainProperties } from '../protocol/plain-properties.ts';
import {
  appendProperty,
  decodeProperties,
  findProperty,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  reencodeProperties,
} from '../protocol/properties.ts';

/**
 * For what is added when a consumer sends the message back, each at its longest: RETRY_TOPIC and REAL_TOPIC 140 bytes,
 * ORIGIN_MESSAGE_ID 75, REAL_QID, DELAY, and what timers and transactions add. Without room for them, the message could
 * be neither retried nor kept as a dead letter, and would hold up its queue for ever.
 */
const RETRY_ROOM_BYTES = 512;
/** What would let a dead letter wait, or be half a transaction, instead of lying in its queue. */
const notOfDeadLetters: ReadonlySet<string> = new Set([
  PropertyKey.DELAY,
  PropertyKey.TRAN_MSG,
  PropertyKey.TIMER_DELAY_SEC,
  PropertyKey.TIMER_DELAY_MS,
  PropertyKey.TIMER_DELIVER_MS,
]);
/** Of UTF-8, for each unit of UTF-16. */
const MOST_BYTES_A_UNIT = 3;
/** Properties of these names are never stored, whoever sends them. */
const TRANSIENT_PREFIX = '__RMQ.TRANSIENT.';

/** With what every stored message carries, and without what must not be stored. */
export function stamped(given: string, uniqKey: string, cluster: string): string {
  let properties = given;
  if (given.includes(PropertyKey.POP_CK) || given.includes(TRANSIENT_PREFIX)) {
    properties = withoutProperties(
      given,
      (name) => name === PropertyKey.POP_CK || name.startsWith(TRANSIENT_PREFIX),
    );
  }
  if (findProperty(properties, PropertyKey.UNIQ_KEY) === undefined) {
    properties = appendProperty(properties, PropertyKey.UNIQ_KEY, uniqKey);
  }
  if (findProperty(properties, PropertyKey.CLUSTER) !== cluster) {
    properties = appendProperty(properties, PropertyKey.CLUSTER, cluster);
  }
  return properties;
}

/** What `stamped` returns, for properties that have been read already and are plain. */
export function stampedPlain(
  given: string,
  plain: PlainProperties,
  uniqKey: string,
  cluster: string,
): string {
  const isWithout = plain.uniqKey === undefined;
  const all = isWithout ? appendProperty(given, PropertyKey.UNIQ_KEY, uniqKey) : given;
  if (plain.isOfCluster) return all;
  return appendProperty(all, PropertyKey.CLUSTER, cluster);
}

/** Without what would keep a dead letter from lying in its queue. */
export function asDeadLetter(given: string): string {
  return withoutProperties(given, (name) => notOfDeadLetters.has(name));
}

/** Refuses properties that leave no room for what a retry adds. */
export function checkRetryRoom(properties: string): void {
  checkProperties(properties, MAX_PROPERTIES_BYTES - RETRY_ROOM_BYTES);
}

/** Refuses properties that do not fit a record. */
export function checkProperties(properties: string, limit: number = MAX_PROPERTIES_BYTES): void {
  if (properties.length * MOST_BYTES_A_UNIT <= limit) return;
  const bytes = Buffer.byteLength(properties, 'utf8');
  if (bytes <= limit) return;
  throw new MqError('MESSAGE_ILLEGAL', `message properties of ${bytes} bytes exceed ${limit}`, {
    details: { propertiesBytes: bytes, limit },
  });
}

function withoutProperties(encoded: string, isUnwanted: (name: string) => boolean): string {
  const properties = decodeProperties(encoded);
  for (const name of properties.keys()) if (isUnwanted(name)) properties.delete(name);
  return reencodeProperties(properties);
}
