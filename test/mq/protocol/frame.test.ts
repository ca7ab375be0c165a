import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  asOneway,
  decodeFrame,
  defaultFrameLimits,
  encodeFrame,
  isOneway,
  isResponse,
  requestCommand,
  responseTo,
  SerializeType,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { codeOf } from '../../support/failure.ts';
import { readGoldens } from '../../support/goldens.ts';
import { anyCommand } from './any-command.ts';
import { plays } from '../../support/plays.ts';

/** A JSON frame written by hand, so that headers no encoder of ours would make can be tried. */
function jsonFrame(header: unknown, body = ''): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const frame = Buffer.alloc(8 + text.length + body.length);
  frame.writeInt32BE(4 + text.length + body.length, 0);
  frame.writeInt32BE(text.length, 4);
  text.copy(frame, 8);
  frame.write(body, 8 + text.length);
  return frame;
}

/** GET_ROUTEINFO_BY_TOPIC of TopicA by a 4.9.8 Java peer. */
const binaryHeader = '0069000199000000000000000000000000000000110005746f70696300000006546f70696341';

function binaryFrame(headerHex: string): Buffer {
  const header = Buffer.from(headerHex, 'hex');
  const frame = Buffer.alloc(8 + header.length);
  frame.writeInt32BE(4 + header.length, 0);
  frame.writeInt32BE(header.length, 4);
  frame[4] = SerializeType.ROCKETMQ;
  header.copy(frame, 8);
  return frame;
}

describe('a JSON header', () => {
  it('takes bare numbers and booleans in extFields as strings, and drops nulls, as C++ and Node peers need', () => {
    const frame = jsonFrame(
      '{"code":310,"opaque":1,"flag":0,"version":121,"language":"CPP",' +
        '"extFields":{"d":4,"m":true,"k":false,"i":null,"n":""}}',
    );
    expect({ ...decodeFrame(frame).extFields }).toEqual({ d: '4', m: 'true', k: 'false', n: '' });
  });

  it('reads a language by name or number, and one it does not know as OTHER', () => {
    const language = (value: unknown) =>
      decodeFrame(jsonFrame({ code: 1, opaque: 1, language: value })).language;
    expect(['GO', 9, 'NODE_JS', 13, 'COBOL', 99, undefined].map(language)).toEqual([
      'GO',
      'GO',
      'NODE_JS',
      'NODE_JS',
      'OTHER',
      'OTHER',
      'OTHER',
    ]);
  });

  it('does without flag, version, remark and extFields', () => {
    expect(decodeFrame(jsonFrame({ code: 34, opaque: -7 }))).toMatchObject({
      code: 34,
      opaque: -7,
      flag: 0,
      version: 0,
      remark: undefined,
      extFields: undefined,
      body: undefined,
    });
  });

  it('keeps a field called __proto__ a field', () => {
    const frame = jsonFrame('{"code":1,"opaque":1,"extFields":{"__proto__":"x","topic":"T"}}');
    const { extFields } = decodeFrame(frame);
    expect(Object.keys(extFields!)).toEqual(['__proto__', 'topic']);
    expect({}.constructor).toBe(Object);
  });

  it.each([
    ['text that is not JSON', '{"code":10'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['no code', '{"opaque":1}'],
    ['no opaque', '{"code":1}'],
    ['a code that is text', '{"code":"10","opaque":1}'],
    ['an opaque beyond int32', '{"code":1,"opaque":4294967296}'],
    ['a fraction', '{"code":1.5,"opaque":1}'],
  ])('is refused when it holds %s', (_, header) => {
    expect(codeOf(() => decodeFrame(jsonFrame(header)))).toBe('FRAME_INVALID');
  });
});

describe('a binary header', () => {
  it('reads the documented example', () => {
    expect(decodeFrame(binaryFrame(binaryHeader))).toMatchObject({
      code: 105,
      language: 'JAVA',
      version: 409,
      opaque: 0,
      flag: 0,
      remark: undefined,
      extFields: { topic: 'TopicA' },
      serializeType: SerializeType.ROCKETMQ,
    });
  });

  it('reads a remark and every field an official encoder writes', () => {
    const command = decodeFrame(readGoldens('java-5.5.0')('ROCKETMQ GET_ROUTEINFO_BY_TOPIC'));
    expect(command).toMatchObject({ code: 105, opaque: 4711, remark: 'größe' });
    expect(command.extFields).toMatchObject({ topic: 'topic', acceptStandardJsonOnly: 'true' });
    expect(command.body!.toString()).toBe('body');
  });

  it.each([
    ['shorter than its fixed part', binaryHeader.slice(0, 40)],
    ['a remark that overruns the header', binaryHeader.replace(/^(.{26}).{8}/, '$17fffffff')],
    ['a negative remark length', binaryHeader.replace(/^(.{26}).{8}/, '$1ffffffff')],
    ['an ext map longer than the header', binaryHeader.replace(/^(.{34}).{8}/, '$100000012')],
    ['an ext map shorter than the header', binaryHeader.replace(/^(.{34}).{8}/, '$100000010')],
    ['a field name that overruns the map', binaryHeader.replace('0005746f', '7fff746f')],
    ['a field value that overruns the map', binaryHeader.replace('0000000654', '0000000754')],
    ['a negative value length', binaryHeader.replace('0000000654', 'ffffffff54')],
  ])('is refused with %s', (_, header) => {
    expect(codeOf(() => decodeFrame(binaryFrame(header)))).toBe('FRAME_INVALID');
  });

  it('truncates a code above 32767 to 16 bits, as Java does', () => {
    const pop = { ...requestCommand({ code: 200050 }, SerializeType.ROCKETMQ), opaque: 1 };
    expect(decodeFrame(encodeFrame(pop)).code).toBe(3442);
  });
});

describe('the frame prefix', () => {
  const frame = encodeFrame(requestCommand({ code: 105, extFields: { topic: 'TopicA' } }));

  function withByte(at: number, value: number): Buffer {
    const copy = Buffer.from(frame);
    copy[at] = value;
    return copy;
  }

  it.each([
    ['a frame shorter than it declares', frame.subarray(0, -1)],
    ['a frame longer than it declares', Buffer.concat([frame, Buffer.from([0])])],
    ['a prefix that is cut off', frame.subarray(0, 7)],
    ['nothing', Buffer.alloc(0)],
    ['a serialize type that does not exist', withByte(4, 2)],
    ['a header longer than its frame', withByte(6, 1)],
    ['a negative length', withByte(0, 0xff)],
    ['a length below 4', Buffer.from('0000000300000000', 'hex')],
  ])('is refused with %s', (_, bytes) => {
    expect(codeOf(() => decodeFrame(bytes))).toBe('FRAME_INVALID');
  });

  it('lets the largest allowed frame and header through, and names both numbers one byte above', () => {
    const body = Buffer.alloc(100);
    const bytes = encodeFrame(requestCommand({ code: 1, body }));
    const headerBytes = bytes.readUIntBE(5, 3);
    const limits = { maxFrameBytes: bytes.length - 4, maxHeaderBytes: headerBytes };
    expect(decodeFrame(bytes, limits).body).toHaveLength(100);
    expect(() => decodeFrame(bytes, { ...limits, maxFrameBytes: bytes.length - 5 })).toThrow(
      `frame length ${bytes.length - 4} is outside 4..${bytes.length - 5}`,
    );
    expect(() => decodeFrame(bytes, { ...limits, maxHeaderBytes: headerBytes - 1 })).toThrow(
      `header of ${headerBytes} bytes exceeds ${headerBytes - 1}`,
    );
  });

  it('allows 16 MiB by default', () => {
    expect(defaultFrameLimits.maxFrameBytes).toBe(16 * 1024 * 1024);
  });
});

describe('a header that no peer could read', () => {
  it.each([SerializeType.JSON, SerializeType.ROCKETMQ])(
    'is not written, whatever the encoding (%i): the limit is named',
    (serializeType) => {
      const remark = 'x'.repeat(17 * 1024 * 1024);
      expect(() => encodeFrame(requestCommand({ code: 1, remark }, serializeType))).toThrow(
        /^header of \d+ bytes exceeds \d+$/,
      );
    },
  );

  it('is not written when a field name does not fit its 16-bit length', () => {
    const extFields = { ['n'.repeat(32768)]: 'v' };
    const command = requestCommand({ code: 1, extFields }, SerializeType.ROCKETMQ);
    expect(() => encodeFrame(command)).toThrow('extField name of 32768 bytes exceeds 32767');
  });
});

describe('flags', () => {
  const request = { ...requestCommand({ code: 10 }, SerializeType.ROCKETMQ), opaque: -1 };

  it('a response echoes the opaque and the header encoding of its request', () => {
    const response = responseTo(request, { code: 17, remark: 'no topic' });
    expect(response).toMatchObject({ opaque: -1, serializeType: SerializeType.ROCKETMQ, flag: 1 });
    expect(isResponse(response)).toBe(true);
    expect(isOneway(response)).toBe(false);
  });

  it('a oneway request says so', () => {
    expect(asOneway(request).flag).toBe(2);
    expect(isOneway(asOneway(request))).toBe(true);
    expect(isResponse(asOneway(request))).toBe(false);
  });
});

describe('any command', () => {
  it('comes back from its frame as it was', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        expect(decodeFrame(encodeFrame(command))).toEqual(command);
      }),
      plays(),
    );
  });

  it('comes out of the decoder the same however its bytes are cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 6 }), cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(encodeFrame));
        const decoder = new FrameDecoder();
        const received: RemotingCommand[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + sizes[turn % sizes.length]!;
          received.push(...decoder.push(stream.subarray(at, end)));
          at = end;
        }
        expect(received).toEqual(sent);
        expect(decoder.isMidFrame).toBe(false);
      }),
      plays(),
    );
  });

  it('is refused with FRAME_INVALID, or decodes, whatever bytes are damaged: nothing else is thrown', () => {
    fc.assert(
      fc.property(anyCommand, fc.nat(), fc.nat({ max: 255 }), (command, at, value) => {
        const frame = encodeFrame(command);
        frame[at % frame.length] = value;
        expect(['FRAME_INVALID', 'nothing was thrown']).toContain(codeOf(() => decodeFrame(frame)));
      }),
      plays(500),
    );
  });

  it('is never mistaken for random bytes: those are refused, or wait for more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const push = () => new FrameDecoder().push(Buffer.from(bytes));
        expect(['FRAME_INVALID', 'nothing was thrown']).toContain(codeOf(push));
      }),
      plays(500),
    );
  });
});

describe('FrameDecoder', () => {
  const frame = encodeFrame(requestCommand({ code: 105, extFields: { topic: 'TopicA' } }));

  it('says while a frame is incomplete, for the half-frame timer', () => {
    const decoder = new FrameDecoder();
    expect(decoder.isMidFrame).toBe(false);
    decoder.push(frame.subarray(0, 3));
    expect(decoder.isMidFrame).toBe(true);
    decoder.push(frame.subarray(3));
    expect(decoder.isMidFrame).toBe(false);
  });

  it('refuses a frame that is too long as soon as its prefix is there', () => {
    const decoder = new FrameDecoder({ maxFrameBytes: 64, maxHeaderBytes: 64 });
    expect(decoder.push(Buffer.from('00000041000000', 'hex'))).toEqual([]);
    expect(codeOf(() => decoder.push(Buffer.from('10', 'hex')))).toBe('FRAME_INVALID');
  });

  it('returns the commands before a broken frame, tells why it stopped, and stays stopped', () => {
    const decoder = new FrameDecoder();
    const glued = Buffer.concat([frame, frame, Buffer.from('16030100c8010000', 'hex')]);
    expect(decoder.push(glued)).toHaveLength(2);
    expect(decoder.failure?.code).toBe('FRAME_INVALID');
    expect(codeOf(() => decoder.push(frame))).toBe('FRAME_INVALID');
  });

  it.each([
    ['a TLS client hello', Buffer.from('16030100c8010000c403', 'hex')],
    ['an HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['an HTTP/1 request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('refuses %s', (_, bytes) => {
    expect(codeOf(() => new FrameDecoder().push(bytes))).toBe('FRAME_INVALID');
  });

  it('decodes a body in place: the bytes of a whole frame are not copied', () => {
    const bytes = encodeFrame(requestCommand({ code: 10, body: Buffer.from('hello') }));
    const [command] = new FrameDecoder().push(bytes);
    bytes.write('J', bytes.length - 5);
    expect(command!.body!.toString()).toBe('Jello');
  });
});
