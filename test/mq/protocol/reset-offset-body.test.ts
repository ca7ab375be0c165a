import { describe, expect, it } from '@jest/globals';
import { languageNames } from '../../../mq/protocol/language-code.ts';
import { decodeResetOffsets, encodeResetOffsets } from '../../../mq/protocol/reset-offset-body.ts';
import { readGoldens } from '../../support/goldens.ts';

const queue = (queueId: number) => ({ topic: 'TopicA', brokerName: 'broker-a', queueId });
const offsets = new Map([
  [queue(0), 0],
  [queue(1), 5_000_000_000],
]);

describe('the offsets of a reset', () => {
  it.each(['java-4.9.8', 'java-5.5.0'] as const)('are written and read as by %s', (maker) => {
    const golden = readGoldens(maker);
    expect(encodeResetOffsets(offsets).toString()).toBe(golden('reset offsets').toString());
    expect(decodeResetOffsets(golden('reset offsets'))).toEqual(offsets);
    expect(encodeResetOffsets(offsets, 'CPP').toString()).toBe(
      golden('reset offsets for C++').toString(),
    );
    expect(decodeResetOffsets(golden('reset offsets for C++'))).toEqual(offsets);
  });

  it('are a list for C++ and Python, and for nobody else', () => {
    const lists = languageNames.filter((name) => encodeResetOffsets(offsets, name).includes('['));
    expect(lists).toEqual(['CPP', 'PYTHON']);
  });

  // client-go asks whether the text is valid JSON, and if it is, looks for a list of pairs in it.
  it('are no valid JSON for Go, and have no blank it would split wrongly at', () => {
    const text = encodeResetOffsets(offsets, 'GO').toString();
    expect(() => JSON.parse(text) as unknown).toThrow('JSON');
    expect(text).not.toMatch(/\s/);
    expect(text.slice('{"offsetTable":{{'.length, -2).split(',{')).toHaveLength(2);
  });

  it('may be none', () => {
    for (const language of ['JAVA', 'CPP'] as const) {
      expect(decodeResetOffsets(encodeResetOffsets(new Map(), language))).toEqual(new Map());
    }
    expect(decodeResetOffsets(Buffer.from('{}'))).toEqual(new Map());
  });

  it('are entry indexes: nothing else is taken', () => {
    const read = (text: string) => () => decodeResetOffsets(Buffer.from(text));
    const key = '{"brokerName":"b","queueId":0,"topic":"T"}';
    expect(read(`{"offsetTable":{${key}:-1}}`)).toThrow(
      'ResetOffsetBody.offsetTable sends T@b@0 to -1, which is below 0',
    );
    expect(read(`{"offsetTable":{${key}:1.5}}`)).toThrow('not an integer within 2^53');
    expect(read('{"offsetTable":{"a":1}}')).toThrow('not a map with objects for keys');
    expect(read('{"offsetTable":[{"topic":"T"}]}')).toThrow('brokerName is missing');
    expect(() => decodeResetOffsets(undefined)).toThrow('ResetOffsetBody: the body is missing');
  });
});
