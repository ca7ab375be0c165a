import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import {
  decodeFrame,
  encodeFrame,
  requestCommand,
  SerializeType,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { ReceivedSend } from '../../../mq/protocol/received-send.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { isSendFrame, SendReader } from '../../../mq/protocol/send-reader.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { plainCommand } from '../../support/plain-command.ts';
import { plays } from '../../support/plays.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const word = fc.stringMatching(/^[A-Za-z0-9_%|-]{1,20}$/);
const property = fc.tuple(word, word).map(([name, value]) => `${name}\u0001${value}`);
const properties = fc.array(property, { maxLength: 5 }).map((pairs) => pairs.join('\u0002'));

const header = fc.record(
  {
    producerGroup: word,
    topic: word,
    defaultTopic: word,
    defaultTopicQueueNums: int32,
    queueId: int32,
    sysFlag: int32,
    bornTimestamp: fc.integer({ min: -(10 ** 15 - 1), max: 10 ** 15 - 1 }),
    flag: int32,
    properties,
    reconsumeTimes: int32,
    unitMode: fc.boolean(),
    maxReconsumeTimes: int32,
    batch: fc.boolean(),
    brokerName: word,
  },
  {
    requiredKeys: [
      'producerGroup',
      'topic',
      'defaultTopic',
      'defaultTopicQueueNums',
      'queueId',
      'sysFlag',
      'bornTimestamp',
      'flag',
    ],
  },
);

const send = fc
  .record({
    code: fc.constantFrom(RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE),
    header,
    opaque: int32,
    flag: fc.constantFrom(0, 2),
    language: fc.constantFrom('JAVA' as const, 'GO' as const, 'CPP' as const),
    version: fc.integer({ min: 0, max: 0xffff }),
    more: fc.dictionary(fc.constantFrom('bname', 'ns', 'z', 'oname'), word, { maxKeys: 2 }),
    body: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined }),
    serializeType: fc.constantFrom(SerializeType.JSON, SerializeType.ROCKETMQ),
  })
  .map(({ header: values, more, body, ...rest }): RemotingCommand => ({
    ...rest,
    extFields: { ...sendMessageV2.encodeRequest(values), ...more },
    body: body && Buffer.from(body),
  }));

/** What the general decoders make of a frame: the command and the values of its fields. */
function decoded(frame: Buffer) {
  const command = decodeFrame(frame);
  return { command: plainCommand(command), header: sendMessageV2.decodeRequest(command.extFields) };
}

function read(frame: Buffer, reader = new SendReader()): ReceivedSend | undefined {
  return isSendFrame(frame, 0, frame.length) ? reader.read(frame, 0, frame.length) : undefined;
}

describe('a send that is read from its bytes', () => {
  it('is what the general decoders make of it, whatever a client sends', () => {
    const reader = new SendReader();
    fc.assert(
      fc.property(send, (command) => {
        const frame = encodeFrame(command);
        const received = read(frame, reader)!;
        expect({ command: plainCommand(received), header: received.header }).toEqual(
          decoded(frame),
        );
      }),
      plays(300),
    );
  });

  it('is read so or not at all when some of its bytes are others', () => {
    let readCount = 0;
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(
        fc.nat({ max: 255 }),
        fc.constantFrom('"', '\\', '{', '}', ',', ':', '0', '1', '9', '-'),
      ),
    );
    fc.assert(
      fc.property(send, fc.array(change, { minLength: 1, maxLength: 2 }), (command, changes) => {
        const frame = encodeFrame(command);
        const headerBytes = frame.readUIntBE(5, 3);
        for (const [at, value] of changes) {
          frame[8 + (at % headerBytes)] = typeof value === 'number' ? value : value.charCodeAt(0);
        }
        const received = read(frame);
        if (received === undefined) return;
        readCount++;
        expect({ command: plainCommand(received), header: received.header }).toEqual(
          decoded(frame),
        );
      }),
      plays(2000),
    );
    expect(readCount).toBeGreaterThan(100);
  });

  it('is how the official clients write it: every captured one is read so', () => {
    const frames = capturedFrames().filter(
      ({ kind, requestCode }) => kind === 'request' && (requestCode === 310 || requestCode === 320),
    );
    expect(new Set(frames.map(({ bytes }) => bytes[4]))).toEqual(new Set([0, 1]));
    for (const { bytes, where } of frames) {
      const received = read(bytes);
      expect({ where, isRead: received !== undefined }).toEqual({ where, isRead: true });
      expect({ command: plainCommand(received!), header: received!.header }).toEqual(
        decoded(bytes),
      );
    }
  });

  const request = {
    ...requestCommand({
      code: RequestCode.SEND_MESSAGE_V2,
      extFields: sendMessageV2.encodeRequest({
        producerGroup: 'g',
        topic: 'T',
        defaultTopic: 'TBW102',
        defaultTopicQueueNums: 4,
        queueId: 0,
        sysFlag: 0,
        bornTimestamp: 1,
        flag: 0,
        properties: 'KEYS\u0001größe',
      }),
    }),
    opaque: 7,
  };

  function withHeader(change: (text: string) => string): Buffer {
    const frame = encodeFrame(request);
    const text = Buffer.from(change(frame.toString('utf8', 8)));
    const changed = Buffer.concat([frame.subarray(0, 8), text]);
    changed.writeInt32BE(4 + text.length, 0);
    changed.writeUIntBE(text.length, 5, 3);
    return changed;
  }

  it.each([
    ['text that is not ASCII', (text: string) => text],
    ['a missing opaque', (text: string) => text.replace('"opaque":7,', '')],
    ['a missing field', (text: string) => text.replace('"e":"0",', '')],
    ['a code that is said twice', (text: string) => text.replace('"flag":0', '"code":11')],
    [
      'fields that are said twice',
      (text: string) => text.replace('"flag":0', '"extFields":{"a":"b"}'),
    ],
    ['a number with a leading zero', (text: string) => text.replace('"flag":0', '"flag":00')],
    ['a negative zero', (text: string) => text.replace('"flag":0', '"flag":-0')],
    ['a fraction', (text: string) => text.replace('"flag":0', '"flag":0.0')],
    ['an int32 that is none', (text: string) => text.replace('"flag":0', '"flag":2147483648')],
    ['a reply', (text: string) => text.replace('"flag":0', '"flag":1')],
    ['a remark', (text: string) => text.replace('"flag":0', '"flag":0,"remark":"r"')],
    ['a bare number for a text', (text: string) => text.replace('"e":"0"', '"e":0')],
    ['a number that is none', (text: string) => text.replace('"e":"0"', '"e":"0x1"')],
    ['a word for a boolean', (text: string) => text.replace('"e":"0"', '"e":"0","k":"TRUE"')],
    ['blanks', (text: string) => text.replace('"flag":0', '"flag": 0')],
    ['something behind its end', (text: string) => `${text} `],
    ['no end', (text: string) => text.slice(0, -1)],
    ['no fields', (text: string) => text.replace(/"extFields":\{.*?\},/, '')],
  ])('is left to them with %s', (what, change) => {
    const ascii = (text: string) =>
      what === 'text that is not ASCII' ? text : text.replace('größe', 'k');
    expect(read(withHeader((text) => change(ascii(text))))).toBeUndefined();
    expect(read(withHeader((text) => ascii(text).replace('größe', 'k')))).toBeDefined();
  });

  it('comes out of the decoder, beside all others', () => {
    const ascii = withHeader((text) => text.replace('größe', 'k'));
    const other = encodeFrame(requestCommand({ code: 105, extFields: { topic: 'T' } }));
    const commands = new FrameDecoder().push(
      Buffer.concat([ascii, other, withHeader((t) => t), ascii]),
    );
    expect(commands.map((command) => command instanceof ReceivedSend)).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(commands[0]!.extFields).toMatchObject({ b: 'T', i: 'KEYS\u0001k' });
  });
});
