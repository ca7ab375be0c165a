import { describe, expect, it } from '@jest/globals';
import { defineRequest } from '../../../mq/protocol/define-request.ts';
import { aliased, bool, int32, int64, optional, str } from '../../../mq/protocol/fields.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';

const example = defineRequest({
  code: RequestCode.GET_MAX_OFFSET,
  request: { topic: str, queueId: int32, isCommitted: optional(aliased('committed', bool)) },
  response: { offset: int64 },
});

describe('a request definition', () => {
  it('writes every value as a string, under its name on the wire', () => {
    expect(example.encodeRequest({ topic: 'T', queueId: -1, isCommitted: true })).toEqual({
      topic: 'T',
      queueId: '-1',
      committed: 'true',
    });
  });

  it('leaves out optional fields that have no value', () => {
    expect(example.encodeRequest({ topic: 'T', queueId: 1 })).toEqual({ topic: 'T', queueId: '1' });
    expect(example.decodeRequest({ topic: 'T', queueId: '1' })).toEqual({ topic: 'T', queueId: 1 });
  });

  it('ignores fields it does not know', () => {
    expect(example.decodeResponse({ offset: '7', bname: 'broker-a' })).toEqual({ offset: 7 });
  });

  it('takes an empty string for a string, and true in any case', () => {
    const ext = { topic: '', queueId: '+1', committed: 'TRUE' };
    expect(example.decodeRequest(ext)).toEqual({ topic: '', queueId: 1, isCommitted: true });
  });

  it('names the request and the field that is missing', () => {
    expect(() => example.decodeRequest({ topic: 'T' })).toThrow(
      'GET_MAX_OFFSET(30): required field queueId is missing',
    );
    expect(() => example.decodeRequest(undefined)).toThrow('required field topic is missing');
    expect(() => example.decodeResponse({})).toThrow('reply to GET_MAX_OFFSET(30): required field');
  });

  it.each([
    ['text', 'one', '"one" is not an integer'],
    ['nothing', '', '"" is not an integer'],
    ['a fraction', '1.5', '"1.5" is not an integer'],
    ['hex', '0x10', '"0x10" is not an integer'],
    ['more than an int32', '2147483648', '2147483648 is not an integer in -2147483648..2147483647'],
  ])('refuses %s for an int32', (_, queueId, reason) => {
    expect(() => example.decodeRequest({ topic: 'T', queueId })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`GET_MAX_OFFSET(30): queueId: ${reason}`),
      }),
    );
  });

  it('refuses a 64-bit value beyond 2^53, in both directions', () => {
    const largest = Number.MAX_SAFE_INTEGER;
    expect(example.decodeResponse({ offset: String(largest) })).toEqual({ offset: largest });
    expect(() => example.decodeResponse({ offset: '9007199254740992' })).toThrow('offset:');
    expect(() => example.decodeResponse({ offset: '9223372036854775807' })).toThrow('offset:');
    expect(() => example.encodeResponse({ offset: 2 ** 53 })).toThrow('offset:');
    expect(() => example.encodeResponse({ offset: Number.NaN })).toThrow('offset:');
  });

  it('is not written without a required value', () => {
    const values = { topic: 'T' } as unknown as { topic: string; queueId: number };
    expect(() => example.encodeRequest(values)).toThrow('GET_MAX_OFFSET(30): queueId is missing');
  });

  it('has no extFields at all when it has no fields', () => {
    const empty = defineRequest({ code: RequestCode.HEART_BEAT, request: {}, response: {} });
    expect(empty.encodeRequest({})).toBeUndefined();
    expect(empty.decodeRequest(undefined)).toEqual({});
  });
});
