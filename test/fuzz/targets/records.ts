import assert from 'node:assert/strict';
import { decodePull, readMessage } from '../../../mq/client/fetched-messages.ts';
import { decodeBatchBody, encodeBatchBody } from '../../../mq/protocol/batch-body.ts';
import { decodeFrame } from '../../../mq/protocol/frame.ts';
import { decodeRecords, readRecordHeader } from '../../../mq/protocol/message.ts';
import {
  decodeProperties,
  encodeProperties,
  findProperty,
} from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { outcomeOf, refusalOf, type Target } from '../target.ts';

const MAX_BODY_BYTES = 1024 * 1024;

const bodiesOf = (kind: 'request' | 'response', ...codes: number[]): Buffer[] =>
  capturedFrames()
    .filter((frame) => frame.kind === kind && codes.includes(frame.requestCode ?? -1))
    .flatMap((frame) => decodeFrame(frame.bytes).body ?? []);

/** Stored messages as they come in pull replies: decoded, checked, unpacked. */
export const records: Target = {
  name: 'records',
  material: {
    inputs: bodiesOf(
      'response',
      RequestCode.PULL_MESSAGE,
      RequestCode.LITE_PULL_MESSAGE,
      RequestCode.VIEW_MESSAGE_BY_ID,
    ),
    words: ['daa320a7', 'daa320ab', 'cbd43194', '789c', '00000100'].map((hex) =>
      Buffer.from(hex, 'hex'),
    ),
  },
  async check(input) {
    const header = outcomeOf(() => readRecordHeader(input));
    const all = outcomeOf(() => decodeRecords(input, { verifyCrc: false }));
    const pull = decodePull(input);
    let read = '';
    for (const record of pull.records.slice(0, 8)) {
      try {
        const message = await readMessage(record, 'broker-a', MAX_BODY_BYTES);
        assert.ok(message.body.length <= Math.max(MAX_BODY_BYTES, record.body.length));
        read = 'read';
      } catch (error) {
        read = refusalOf(error);
      }
    }
    return `${header} ${all} ${pull.broken === undefined} ${read}`;
  },
};

/** The body of a batch. */
export const batches: Target = {
  name: 'batches',
  material: {
    inputs: bodiesOf('request', RequestCode.SEND_BATCH_MESSAGE),
    words: ['00000000', '00000020', '7fffffff'].map((hex) => Buffer.from(hex, 'hex')),
  },
  check(input) {
    return outcomeOf(() => {
      const messages = decodeBatchBody(input);
      const again = decodeBatchBody(encodeBatchBody(messages));
      assert.deepEqual(again, messages, 'reads what it writes');
    });
  },
};

/** The properties of a message. */
export const properties: Target = {
  name: 'properties',
  material: {
    inputs: [
      'KEYS\u0001k1 k2\u0002TAGS\u0001a\u0002UNIQ_KEY\u0001AC1100011CF4\u0002',
      'WAIT\u0001true\u0002',
    ].map((text) => Buffer.from(text)),
    words: ['\u0001', '\u0002', '\u0001\u0002', 'TAGS', 'KEYS\u0001', '\ufffd'].map((text) =>
      Buffer.from(text),
    ),
  },
  check(input) {
    const text = input.toString('utf8');
    return outcomeOf(() => {
      const decoded = decodeProperties(text);
      for (const [name, value] of decoded) assert.equal(findProperty(text, name), value, name);
      assert.deepEqual(
        decodeProperties(encodeProperties(decoded)),
        decoded,
        'reads what it writes',
      );
    });
  },
};
