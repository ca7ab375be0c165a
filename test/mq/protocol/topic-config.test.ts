import { describe, expect, it } from '@jest/globals';
import { deflateSync, inflateSync } from 'node:zlib';
import {
  decodeDataVersion,
  decodeRegisterBrokerBody,
  decodeTopicConfigTable,
  encodeDataVersion,
  encodeRegisterBrokerBody,
  encodeTopicConfig,
  encodeTopicConfigTable,
  isSameDataVersion,
  type RegisterBrokerBody,
  type TopicConfig,
} from '../../../mq/protocol/topic-config.ts';
import { readGoldens } from '../../support/goldens.ts';

function topicConfig(topicName: string, more: Partial<TopicConfig>): TopicConfig {
  return {
    topicName,
    readQueueNums: 1,
    writeQueueNums: 1,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
    ...more,
  };
}

/** The registration of test/interop/goldens/Goldens.java; 4.9 has no attributes. */
function registration(attributes: Record<string, string>): RegisterBrokerBody {
  return {
    filterServerList: ['192.0.2.9:30000'],
    dataVersion: { stateVersion: 0, timestamp: 1_795_171_199_192, counter: 9 },
    topicConfigTable: new Map([
      ['%RETRY%cg', topicConfig('%RETRY%cg', {})],
      ['TopicA', topicConfig('TopicA', { readQueueNums: 4, writeQueueNums: 8, attributes })],
    ]),
  };
}

const makers = [
  { maker: 'java-4.9.8', expected: registration({}) },
  { maker: 'java-5.5.0', expected: registration({ 'cleanup.policy': 'DELETE' }) },
] as const;

describe.each(makers)('a broker registration of $maker', ({ maker, expected }) => {
  const golden = readGoldens(maker);

  it('is read as JSON', () => {
    expect(decodeRegisterBrokerBody(golden('registration body'))).toEqual(expected);
  });

  it('is read compressed', () => {
    const body = golden('registration body compressed');
    expect(decodeRegisterBrokerBody(body, { compressed: true })).toEqual(expected);
  });
});

describe('a broker registration', () => {
  it('is written as a 4.9 peer writes it', () => {
    const golden = readGoldens('java-4.9.8');
    const body = registration({});
    expect(encodeRegisterBrokerBody(body).toString()).toBe(golden('registration body').toString());
    const packed = inflateSync(encodeRegisterBrokerBody(body, { compressed: true }));
    expect(packed.toString('latin1')).toBe(
      inflateSync(golden('registration body compressed')).toString('latin1'),
    );
  });

  it('comes back from both forms as it was', () => {
    for (const compressed of [false, true]) {
      const body = registration({ 'cleanup.policy': 'DELETE', 'a b': 'c d' });
      const bytes = encodeRegisterBrokerBody(body, { compressed });
      expect(decodeRegisterBrokerBody(bytes, { compressed })).toEqual(body);
    }
  });

  it('without topics or filter servers has an empty table and an empty list', () => {
    const empty = { ...registration({}), filterServerList: [], topicConfigTable: new Map() };
    for (const compressed of [false, true]) {
      const bytes = encodeRegisterBrokerBody(empty, { compressed });
      expect(decodeRegisterBrokerBody(bytes, { compressed })).toEqual(empty);
    }
    expect(encodeRegisterBrokerBody(empty).toString()).toContain('"topicConfigTable":{}');
  });

  const packed = inflateSync(encodeRegisterBrokerBody(registration({}), { compressed: true }));
  const versionBytes = packed.readInt32BE(0);

  function damaged(at: number, value: number): Buffer {
    const copy = Buffer.from(packed);
    copy.writeInt32BE(value, at);
    return deflateSync(copy);
  }

  it.each([
    ['nothing', Buffer.alloc(0), 'RegisterBrokerBody of 0 bytes does not inflate'],
    ['bytes that are not compressed', packed, 'does not inflate'],
    ['a length that overruns', damaged(0, 9999), 'RegisterBrokerBody.dataVersion: length 9999'],
    ['a negative length', damaged(0, -1), 'RegisterBrokerBody.dataVersion: length -1'],
    [
      'more topics than bytes',
      damaged(4 + versionBytes, 2 ** 31 - 1),
      'RegisterBrokerBody.topicCount: length 2147483647',
    ],
    [
      'no topics',
      deflateSync(packed.subarray(0, 4 + versionBytes)),
      'RegisterBrokerBody.topicCount',
    ],
    [
      'a topic that is no topic',
      deflateSync(Buffer.from(packed.toString('latin1').replace(' 4 8 6 ', ' 4 x 6 '), 'latin1')),
      'is not "name read write perm filterType"',
    ],
  ])('is refused when compressed and made of %s', (_, bytes, reason) => {
    expect(() => decodeRegisterBrokerBody(bytes, { compressed: true })).toThrow(reason);
  });

  it('that inflates to more than 64 MiB is refused before it is held in memory', () => {
    const bomb = deflateSync(Buffer.alloc(65 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => decodeRegisterBrokerBody(bomb, { compressed: true })).toThrow('does not inflate');
  });
});

describe('the settings of one topic', () => {
  const plain = topicConfig('TopicA', {
    readQueueNums: 4,
    writeQueueNums: 8,
    topicSysFlag: 1,
    order: true,
  });

  it.each([
    ['java-4.9.8', {}],
    ['java-5.5.0', { 'cleanup.policy': 'DELETE' }],
  ] as const)('are written as %s writes them', (maker, attributes) => {
    expect(encodeTopicConfig({ ...plain, attributes }).toString()).toBe(
      readGoldens(maker)('topic settings').toString(),
    );
  });
});

describe('a topic table', () => {
  it('comes back as it was, a key named __proto__ included', () => {
    const { filterServerList: _, ...table } = registration({ 'cleanup.policy': 'DELETE' });
    table.topicConfigTable.set('__proto__', topicConfig('__proto__', { order: true }));
    expect(decodeTopicConfigTable(encodeTopicConfigTable(table))).toEqual(table);
  });

  it('may leave out what has a default', () => {
    const text =
      '{"dataVersion":{},"topicConfigTable":{"T":{"readQueueNums":1,"writeQueueNums":2,"perm":6}}}';
    expect(decodeTopicConfigTable(Buffer.from(text))).toEqual({
      dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
      topicConfigTable: new Map([['T', topicConfig('T', { writeQueueNums: 2 })]]),
    });
  });
});

describe('a data version', () => {
  const version = { stateVersion: 0, timestamp: 1_795_171_199_192, counter: 9 };

  it('is written without a state version of zero, which 4.9 does not have', () => {
    expect(encodeDataVersion(version).toString()).toBe('{"counter":9,"timestamp":1795171199192}');
    const newer = { ...version, stateVersion: 3 };
    expect(decodeDataVersion(encodeDataVersion(newer))).toEqual(newer);
  });

  it('is the same only when all three numbers are', () => {
    expect(isSameDataVersion(version, { ...version })).toBe(true);
    for (const name of ['stateVersion', 'timestamp', 'counter'] as const) {
      expect(isSameDataVersion(version, { ...version, [name]: 77 })).toBe(false);
    }
  });
});
