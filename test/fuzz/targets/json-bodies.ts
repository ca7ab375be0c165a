import assert from 'node:assert/strict';
import { decodeClientConfigBody } from '../../../mq/protocol/client-config.ts';
import { decodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeConsumerStatus } from '../../../mq/protocol/consumer-status.ts';
import { parseFastJson, type JsonValue } from '../../../mq/protocol/fast-json.ts';
import { decodeFindings } from '../../../mq/protocol/finding.ts';
import { decodeFrame } from '../../../mq/protocol/frame.ts';
import { decodeHeartbeat, encodeHeartbeat } from '../../../mq/protocol/heartbeat.ts';
import { decodeKvTable } from '../../../mq/protocol/kv-table.ts';
import { decodeLockBatchBody, decodeLockedQueues } from '../../../mq/protocol/lock-batch.ts';
import {
  decodeClusterInfo,
  decodeTopicRoute,
  encodeTopicRoute,
} from '../../../mq/protocol/route.ts';
import {
  decodeSubscriptionGroup,
  decodeSubscriptionGroupTable,
} from '../../../mq/protocol/subscription-group.ts';
import {
  decodeDataVersion,
  decodeRegisterBrokerBody,
  decodeTopicConfigTable,
} from '../../../mq/protocol/topic-config.ts';
import { decodeTopicList } from '../../../mq/protocol/topic-list.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { outcomeOf, type Target } from '../target.ts';

const decoders: readonly ((body: Buffer) => unknown)[] = [
  readsWhatItWrites(decodeHeartbeat, encodeHeartbeat),
  readsWhatItWrites(decodeTopicRoute, encodeTopicRoute),
  decodeClientConfigBody,
  decodeConsumerList,
  decodeConsumerStatus,
  decodeFindings,
  decodeKvTable,
  decodeLockBatchBody,
  decodeLockedQueues,
  decodeClusterInfo,
  decodeSubscriptionGroup,
  decodeSubscriptionGroupTable,
  decodeDataVersion,
  (body) => decodeRegisterBrokerBody(body),
  (body) => decodeRegisterBrokerBody(body, { compressed: true }),
  decodeTopicConfigTable,
  decodeTopicList,
];

const words = [
  '{',
  '}',
  '[',
  ']',
  '{{',
  '":',
  '"',
  '\\u',
  '\\ud800',
  'null',
  '1e999',
  '-',
  '9007199254740993',
  '__proto__',
  'constructor',
  '\ufeff',
  '/*',
  "'",
];

/** Heartbeats, routes, registrations and all else that travels as JSON, FastJSON's own dialect included. */
export const jsonBodies: Target = {
  name: 'json bodies',
  material: {
    inputs: capturedFrames()
      .flatMap((frame) => decodeFrame(frame.bytes).body ?? [])
      .filter((body) => body[0] === 0x7b),
    words: words.map((word) => Buffer.from(word)),
  },
  check(input) {
    assertAgreesWithJson(input.toString('utf8'));
    return decoders.map((decode) => outcomeOf(() => decode(input))).join(' ');
  },
};

function readsWhatItWrites<T>(
  decode: (body: Buffer) => T,
  encode: (value: T) => Buffer,
): (body: Buffer) => void {
  return (body) => {
    const value = decode(body);
    assert.deepEqual(decode(encode(value)), value, 'reads what it writes');
  };
}

/** Whatever is JSON means the same to us as to everybody. */
function assertAgreesWithJson(text: string): void {
  let standard: unknown;
  try {
    standard = JSON.parse(text);
  } catch {
    // No JSON: FastJSON's dialect, or rubbish. There is nobody to agree with.
    return;
  }
  let ours: JsonValue | undefined;
  const outcome = outcomeOf(() => (ours = parseFastJson(text)));
  // Limits of our own: on depth, and on integers that no double holds.
  if (outcome === 'taken') assert.deepEqual(withoutBigInts(ours), withoutBigInts(standard));
}

/** Beyond 2^53 ours is exact and the standard's is not: both as the double. */
function withoutBigInts(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'bigint' ? Number(inner) : inner,
    ) ?? 'null',
  );
}
