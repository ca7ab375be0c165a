import assert from 'node:assert/strict';
import { formatHostPort, parseHostPort } from '../../../mq/protocol/host-address.ts';
import { parseOffsetMsgId } from '../../../mq/protocol/message-id.ts';
import { assertGroupName, assertTopicName } from '../../../mq/protocol/names.ts';
import { decodeRecallHandle } from '../../../mq/protocol/recall-handle.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import { outcomeOf, type Target } from '../target.ts';

const parsers: readonly ((text: string) => unknown)[] = [
  (text) => {
    const address = parseHostPort(text);
    assert.deepEqual(parseHostPort(formatHostPort(address)), address);
  },
  parseOffsetMsgId,
  decodeRecallHandle,
  assertTopicName,
  assertGroupName,
  (text) => tagSubscription('T', text, 1),
];

const inputs = [
  '10.0.0.1:10911',
  '[::1]:10911',
  '0A00000100002A9F0000000000000123',
  Buffer.from('v1 TopicA broker-a 1700000000000 AC110001').toString('base64url'),
  'TopicA',
  '%RETRY%group',
  'TagA || TagB',
];
const words = ['||', ' ', ':', '[', '%DLQ%', '*', '-', '_', '=', '/', '..', '\u00e9', '\ud800'];

/** Short texts that name something: addresses, ids, handles, topics, tag expressions. */
export const texts: Target = {
  name: 'texts',
  material: {
    inputs: inputs.map((text) => Buffer.from(text)),
    words: words.map((text) => Buffer.from(text)),
  },
  check(input) {
    const text = input.toString('utf8');
    return parsers.map((parse) => outcomeOf(() => parse(text))).join(' ');
  },
};
