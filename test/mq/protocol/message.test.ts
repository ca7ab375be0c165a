import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { HostAddress } from '../../../mq/protocol/host-address.ts';
import {
  BLANK_MAGIC,
  decodeRecord,
  decodeRecords,
  encodeRecord,
  readRecordHeader,
  measureRecord,
  writeRecord,
  type RecordFields,
} from '../../../mq/protocol/message.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { codeOf } from '../../support/failure.ts';
import { readGoldens } from '../../support/goldens.ts';
import { plays } from '../../support/plays.ts';

const v4Born = { address: '192.0.2.7', port: 50123 };
const v4Store = { address: '192.0.2.9', port: 10911 };
const v6Born = { address: '2001:db8::7', port: 50123 };
const v6Store = { address: '2001:db8:0:1::9', port: 10911 };

/** The message of test/interop/goldens/Goldens.java. */
function goldenFields(bornHost: HostAddress, storeHost: HostAddress): RecordFields {
  return {
    topic: 'TopicA',
    queueId: 3,
    flag: -2,
    queueOffset: 5_000_000_000,
    commitLogOffset: 3_402_846_035,
    sysFlag: 0,
    bornTimestamp: 1_795_171_927_200,
    bornHost,
    storeTimestamp: 1_795_171_927_214,
    storeHost,
    reconsumeTimes: 2,
    preparedTransactionOffset: 77,
    body: Buffer.from('größe'),
    propertiesString: encodeProperties(
      new Map([
        ['KEYS', 'k1'],
        ['имя', 'значение'],
        ['TAGS', 'TagA'],
      ]),
    ),
  };
}

const hosts: [string, HostAddress, HostAddress, number][] = [
  ['record born IPv4 stored IPv4', v4Born, v4Store, 0],
  ['record born IPv6 stored IPv4', v6Born, v4Store, 0x10],
  ['record born IPv4 stored IPv6', v4Born, v6Store, 0x20],
  ['record born IPv6 stored IPv6', v6Born, v6Store, 0x30],
];

describe.each(hosts)('a %s', (title, bornHost, storeHost, sysFlag) => {
  it('encodes to the bytes of the official 4.9 encoder', () => {
    const expected = readGoldens('java-4.9.8')(title);
    expect(encodeRecord(goldenFields(bornHost, storeHost)).toString('hex')).toBe(
      expected.toString('hex'),
    );
  });

  it('encodes to the bytes of the official 5.x encoder, which ends properties with a separator', () => {
    const fields = goldenFields(bornHost, storeHost);
    const expected = readGoldens('java-5.5.0')(title);
    const record = encodeRecord({
      ...fields,
      propertiesString: `${fields.propertiesString}\u0002`,
    });
    expect(record.toString('hex')).toBe(expected.toString('hex'));
  });

  it('decodes from what either of them wrote', () => {
    const { propertiesString: _, ...fields } = goldenFields(bornHost, storeHost);
    for (const maker of ['java-4.9.8', 'java-5.5.0'] as const) {
      const message = decodeRecord(readGoldens(maker)(title));
      expect(message).toMatchObject({ ...fields, sysFlag });
      expect([...message.properties]).toEqual([
        ['KEYS', 'k1'],
        ['имя', 'значение'],
        ['TAGS', 'TagA'],
      ]);
    }
  });
});

describe('a record', () => {
  const fields = goldenFields(v4Born, v6Store);

  it('is as long as was measured', () => {
    for (const [, bornHost, storeHost] of hosts) {
      const some = goldenFields(bornHost, storeHost);
      expect(encodeRecord(some)).toHaveLength(measureRecord(some).totalBytes);
    }
  });

  it('is written behind what is already in the buffer', () => {
    const target = Buffer.alloc(2 * measureRecord(fields).totalBytes);
    const next = writeRecord(fields, target, 0);
    expect(writeRecord({ ...fields, queueId: 4 }, target, next)).toBe(target.length);
    expect(decodeRecords(target).map(({ queueId }) => queueId)).toEqual([3, 4]);
  });

  it('has no msgId of its own without UNIQ_KEY: the offsetMsgId stands in', () => {
    const message = decodeRecord(encodeRecord(goldenFields(v4Born, v4Store)));
    expect(message.msgId).toBe('C000020900002A9F00000000CAD34F53');
    expect(message.msgId).toBe(message.offsetMsgId);
  });

  it('with a topic above 127 bytes or properties above 32767 is refused, naming both numbers', () => {
    expect(() => encodeRecord({ ...fields, topic: 'ü'.repeat(64) })).toThrow(
      'topic of 128 bytes exceeds 127',
    );
    expect(() => encodeRecord({ ...fields, propertiesString: 'p'.repeat(32768) })).toThrow(
      'properties of 32768 bytes exceeds 32767',
    );
  });

  it('may have an empty body, no properties and no topic', () => {
    const empty = { ...fields, body: Buffer.alloc(0), propertiesString: '', topic: '' };
    const message = decodeRecord(encodeRecord(empty));
    expect(message.body).toHaveLength(0);
    expect(message.properties.size).toBe(0);
    expect(message.topic).toBe('');
  });

  it('of the second version, with a two-byte topic length, can be read', () => {
    const v1 = encodeRecord(goldenFields(v4Born, v4Store));
    const topicAt = v1.indexOf('TopicA') - 1;
    const v2 = Buffer.concat([v1.subarray(0, topicAt), Buffer.from([0]), v1.subarray(topicAt)]);
    v2.writeInt32BE(v2.length, 0);
    v2.writeUInt32BE(0xdaa320ab, 4);
    expect(decodeRecord(v2)).toMatchObject({ topic: 'TopicA', storeSize: v1.length + 1 });
  });
});

describe('a damaged record', () => {
  const record = encodeRecord(goldenFields(v6Born, v4Store));

  function damaged(change: (copy: Buffer) => void): Buffer {
    const copy = Buffer.from(record);
    change(copy);
    return copy;
  }

  const bodyLengthAt = record.indexOf('größe') - 4;
  it.each([
    ['is cut off', record.subarray(0, -1)],
    ['is cut off inside its fixed part', record.subarray(0, 40)],
    ['has no magic', damaged((copy) => copy.writeUInt32BE(0, 4))],
    ['is the filler of a segment end', damaged((copy) => copy.writeUInt32BE(BLANK_MAGIC, 4))],
    ['has a size below the smallest record', damaged((copy) => copy.writeInt32BE(90, 0))],
    ['has a negative size', damaged((copy) => copy.writeInt32BE(-1, 0))],
    ['has a negative body length', damaged((copy) => copy.writeInt32BE(-1, bodyLengthAt))],
    ['has a body that overruns it', damaged((copy) => copy.writeInt32BE(9999, bodyLengthAt))],
    ['has a body one byte too long', damaged((copy) => copy.writeInt32BE(8, bodyLengthAt))],
    ['has a changed body', damaged((copy) => copy.write('G', bodyLengthAt + 4))],
    ['has an offset beyond 2^53', damaged((copy) => copy.writeInt32BE(0x7fffffff, 28))],
  ])('is refused when it %s', (_, bytes) => {
    expect(codeOf(() => decodeRecord(bytes))).toBe('MESSAGE_CORRUPT');
  });

  it('is read past a wrong CRC only when asked to', () => {
    const bytes = damaged((copy) => copy.write('G', bodyLengthAt + 4));
    expect(decodeRecord(bytes, 0, { verifyCrc: false }).body.toString()).toBe('Größe');
  });

  it('stops a pull reply: what follows cannot be found', () => {
    const bytes = Buffer.concat([record, record.subarray(0, 50)]);
    expect(codeOf(() => decodeRecords(bytes))).toBe('MESSAGE_CORRUPT');
  });

  it('is refused or decodes, but nothing else is thrown, whatever byte is damaged', () => {
    fc.assert(
      fc.property(fc.nat({ max: record.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const bytes = damaged((copy) => copy.writeUInt8(value, at));
        expect(['MESSAGE_CORRUPT', 'nothing was thrown']).toContain(
          codeOf(() => decodeRecord(bytes)),
        );
      }),
      plays(500),
    );
  });
});

describe('any message', () => {
  const long = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const port = fc.nat({ max: 65535 });
  const host = fc.oneof(
    fc.record({ address: fc.ipV4(), port }),
    fc.record({ address: fc.constantFrom('::1', '::', '2001:db8::7', 'fe80::1:2:3:4'), port }),
  );
  const anyFields: fc.Arbitrary<RecordFields> = fc.record({
    topic: fc.string({ maxLength: 30 }),
    queueId: int32,
    flag: int32,
    queueOffset: long,
    commitLogOffset: long,
    sysFlag: fc.constantFrom(0, 1, 4, 8, 12, 0x301),
    bornTimestamp: long,
    bornHost: host,
    storeTimestamp: long,
    storeHost: host,
    reconsumeTimes: int32,
    preparedTransactionOffset: long,
    body: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    propertiesString: fc.constantFrom('', 'TAGS\u0001TagA', 'KEYS\u0001k\u0002TAGS\u0001t\u0002'),
  });

  it('comes back from its record as it was, and the cheap view agrees', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const record = encodeRecord(fields);
        const { propertiesString, sysFlag, body, ...rest } = fields;
        const message = decodeRecord(record);
        expect(message).toMatchObject(rest);
        expect(message.body.equals(body)).toBe(true);
        expect(message.sysFlag & ~0x30).toBe(sysFlag);
        const header = readRecordHeader(record);
        const end = header.propertiesAt + header.propertiesBytes;
        expect(record.toString('utf8', header.propertiesAt, end)).toBe(propertiesString);
        expect(header).toMatchObject({
          topic: fields.topic,
          queueId: fields.queueId,
          queueOffset: fields.queueOffset,
          commitLogOffset: fields.commitLogOffset,
          storeTimestamp: fields.storeTimestamp,
          totalSize: record.length,
        });
      }),
      plays(),
    );
  });
});
