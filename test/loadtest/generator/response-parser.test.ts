import { describe, expect, test } from '@jest/globals';
import {
  MalformedResponse,
  ResponseParser,
  type ParsedResponse,
} from '../../../loadtest/generator/response-parser.ts';

const withLength =
  'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"a":"äö"}';
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n';
const empty = 'HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n';
const continued =
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok';

function parse(pieces: readonly Buffer[]): ParsedResponse[] {
  const responses: ParsedResponse[] = [];
  const parser = new ResponseParser((response) => responses.push(response));
  for (const piece of pieces) parser.feed(piece);
  expect(parser.end()).toBe(true);
  return responses;
}

function byteByByte(text: string): Buffer[] {
  return [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
}

const expected: readonly [string, string, ParsedResponse[]][] = [
  ['a length', withLength, [{ status: 202, body: '{"a":"äö"}', keepsAlive: true }]],
  ['chunks', chunked, [{ status: 200, body: 'hello world', keepsAlive: true }]],
  ['no body', empty, [{ status: 204, body: '', keepsAlive: true }]],
  ['an interim response', continued, [{ status: 201, body: 'ok', keepsAlive: true }]],
  [
    'two glued together',
    withLength + chunked,
    [
      { status: 202, body: '{"a":"äö"}', keepsAlive: true },
      { status: 200, body: 'hello world', keepsAlive: true },
    ],
  ],
  [
    'a peer that closes afterwards',
    'HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n',
    [{ status: 200, body: '', keepsAlive: false }],
  ],
  [
    'HTTP/1.0 without keep-alive',
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx',
    [{ status: 200, body: 'x', keepsAlive: false }],
  ],
  [
    'a body that ends with the connection',
    'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    [{ status: 200, body: 'until the end', keepsAlive: false }],
  ],
];

describe('the response parser', () => {
  test.each(expected)('reads %s: whole, byte by byte, and cut anywhere', (_, text, responses) => {
    const bytes = Buffer.from(text);
    expect(parse([bytes])).toEqual(responses);
    expect(parse(byteByByte(text))).toEqual(responses);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(parse([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(responses);
    }
  });

  test('reads no further than it is told: the buffer is used again for the next read', () => {
    const responses: ParsedResponse[] = [];
    const parser = new ResponseParser((response) => responses.push(response));
    const buffer = Buffer.alloc(256);
    for (const piece of [withLength.slice(0, 70), withLength.slice(70)]) {
      buffer.fill(empty);
      parser.feed(buffer, buffer.write(piece));
    }
    expect(responses).toEqual([{ status: 202, body: '{"a":"äö"}', keepsAlive: true }]);
    expect(parser.isBetween).toBe(true);
  });

  test.each([
    ['no status line', 'hello\r\n\r\n', 'the status line is "hello"'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'the status line is "HTTP/2 200"'],
    ['two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'the status line is'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', 'header line 2 is " c"'],
    ['a bare line feed', 'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n', 'header line 1 is'],
    [
      'a blank before the colon',
      'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
      'header line 1 is',
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'content-length is 1 and 2',
    ],
    [
      'a length that is no number',
      'HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n',
      'content-length is "0x10"',
    ],
    [
      'a length beside chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'content-length is 5, and transfer-encoding chunked',
    ],
    [
      'another encoding',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
      'transfer-encoding is "gzip", it must be chunked',
    ],
    [
      'too long a body',
      'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n',
      'a body of 99999999999 bytes, at most 16777216',
    ],
    [
      'a chunk without a size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      'the size of a chunk is "xyz"',
    ],
    [
      'a chunk that is longer than it says',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n',
      'a chunk longer than its size',
    ],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      '101, and nobody asked for another protocol',
    ],
    ['an endless head', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(17_000)}`, 'at most 16384'],
  ])('refuses %s, whole and byte by byte', (_, text, message) => {
    for (const pieces of [[Buffer.from(text)], byteByByte(text)]) {
      const parser = new ResponseParser(() => undefined);
      const feedAll = (): void => pieces.forEach((piece) => parser.feed(piece));
      expect(feedAll).toThrow(MalformedResponse);
      expect(() => new ResponseParser(() => undefined).feed(Buffer.from(text))).toThrow(message);
    }
  });

  test.each([
    ['the head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['the body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc'],
    ['a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
    ['the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'],
  ])('knows that a peer has closed in the midst of %s', (_, text) => {
    const parser = new ResponseParser(() => {
      throw new Error('there is no whole response');
    });
    parser.feed(Buffer.from(text));
    expect(parser.end()).toBe(false);
  });
});
