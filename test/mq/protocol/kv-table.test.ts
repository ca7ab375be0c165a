import { describe, expect, it } from '@jest/globals';
import { decodeConsumerList, encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeKvTable, encodeKvTable } from '../../../mq/protocol/kv-table.ts';
import { decodeTopicList, encodeTopicList } from '../../../mq/protocol/topic-list.ts';

describe('a KV table', () => {
  it('comes back as it was, any key included', () => {
    const table = new Map([
      ['putTps', '1.0 2.0 3.0'],
      ['__proto__', 'x'],
      ['42', 'größe'],
    ]);
    expect(decodeKvTable(encodeKvTable(table))).toEqual(table);
  });

  it('that is empty is {}, never a list, and a value may be a bare number', () => {
    expect(encodeKvTable(new Map()).toString()).toBe('{"table":{}}');
    expect(decodeKvTable(Buffer.from('{"table":{"a":1,2:true}}'))).toEqual(
      new Map([
        ['a', '1'],
        ['2', 'true'],
      ]),
    );
  });
});

describe('lists of names', () => {
  it('are empty when they are missing', () => {
    expect(decodeTopicList(Buffer.from('{}'))).toEqual([]);
    expect(decodeConsumerList(Buffer.from('{"consumerIdList":null}'))).toEqual([]);
    expect(encodeTopicList([]).toString()).toBe('{"topicList":[]}');
    expect(encodeConsumerList(['a']).toString()).toBe('{"consumerIdList":["a"]}');
  });

  it('must be lists of names', () => {
    expect(() => decodeTopicList(Buffer.from('{"topicList":[{}]}'))).toThrow(
      'TopicList.topicList[0] is {}, not a string',
    );
    expect(() => decodeTopicList(undefined)).toThrow('TopicList: the body is missing');
  });
});
