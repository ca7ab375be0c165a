import { describe, expect, test } from '@jest/globals';
import {
  encodeRequest,
  FrameSplitter,
  messageBatch,
  ReplyReader,
  type FrameView,
} from '../../../../loadtest/bench/generator/frames.ts';
import { decodeBatchBody } from '../../../../mq/protocol/batch-body.ts';
import { decodeFrame, encodeFrame, SerializeType } from '../../../../mq/protocol/frame.ts';
import { capturedFrames } from '../../../support/captured-frames.ts';

/** Feeds chunks, and calls back while a frame may be read. */
function split<T>(chunks: readonly Buffer[], read: (frame: FrameView) => T): T[] {
  const splitter = new FrameSplitter();
  const found: T[] = [];
  for (const chunk of chunks) {
    // As a socket that reads into the same buffer again.
    const reused = Buffer.from(chunk);
    splitter.feed(reused, (frame) => found.push(read(frame)));
    reused.fill(0xff);
  }
  return found;
}

const bytesOf = ({ bytes, headerStart, end }: FrameView): string =>
  bytes.toString('hex', headerStart - 8, end);

const replies = capturedFrames().filter(({ kind }) => kind === 'response');

describe('what the generator reads', () => {
  test('is cut into the same frames however it arrives', () => {
    const frames = replies.slice(0, 20).map(({ bytes }) => bytes);
    const glued = Buffer.concat(frames);
    const wanted = frames.map((frame) => frame.toString('hex'));
    expect(split([glued], bytesOf)).toEqual(wanted);
    expect(split(frames, bytesOf)).toEqual(wanted);
    const oneByOne = [...glued].map((byte) => Buffer.of(byte));
    expect(split(oneByOne, bytesOf)).toEqual(wanted);
  });

  test('has the code and the opaque that Java has put there, in either encoding of the header', () => {
    const reader = new ReplyReader();
    const read = (frame: FrameView) => ({
      code: reader.codeOf(frame),
      opaque: reader.opaqueOf(frame),
    });
    const wanted = replies.map(({ bytes }) => {
      const { code, opaque } = decodeFrame(bytes);
      return { code, opaque };
    });
    expect(wanted.length).toBeGreaterThan(100);
    expect(
      split(
        replies.map(({ bytes }) => bytes),
        read,
      ),
    ).toEqual(wanted);
  });

  test('is found wherever in its header it stands', () => {
    const reader = new ReplyReader();
    const frameOf = (header: string): Buffer => {
      const frame = Buffer.alloc(8 + header.length);
      frame.writeInt32BE(4 + header.length, 0);
      frame.writeInt32BE(header.length, 4);
      frame.write(header, 8);
      return frame;
    };
    const headers = [
      '{"code":0,"flag":1,"opaque":7}',
      '{"opaque":-12,"flag":1,"code":2}',
      '{"code":10,"opaque":3,"flag":1}',
    ];
    expect(
      split(headers.map(frameOf), (frame) => [reader.codeOf(frame), reader.opaqueOf(frame)]),
    ).toEqual([
      [0, 7],
      [2, -12],
      [10, 3],
    ]);
    expect(() => split([frameOf('{"code":0}')], (frame) => reader.opaqueOf(frame))).toThrow(
      'a reply has no opaque',
    );
  });
});

describe('what the generator writes', () => {
  test('is a frame, whichever codec reads it', () => {
    const body = Buffer.from('hello');
    const frame = encodeRequest({ code: 310, opaque: 1_000_000_007, extFields: { a: 'ü' }, body });
    const command = decodeFrame(frame);
    expect(command).toMatchObject({ code: 310, opaque: 1_000_000_007, extFields: { a: 'ü' } });
    expect(command.body?.toString()).toBe('hello');
    expect(command.serializeType).toBe(SerializeType.JSON);
    // The same command in our own encoding says the same.
    expect(decodeFrame(encodeFrame(command))).toEqual(command);
  });

  test('may be a batch', () => {
    const batch = decodeBatchBody(messageBatch(Buffer.from('abc'), 'K\u0001v', 3));
    expect(batch.map(({ body, propertiesString }) => [body.toString(), propertiesString])).toEqual(
      Array.from({ length: 3 }, () => ['abc', 'K\u0001v']),
    );
  });
});
