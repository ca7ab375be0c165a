import { describe, expect, it } from '@jest/globals';
import { decodeFrame, encodeFrame, FrameDecoder } from '../../../mq/protocol/frame.ts';
import { capturedFrames } from '../../support/captured-frames.ts';

const frames = capturedFrames();

describe('every frame recorded between official peers', () => {
  it('decodes and encodes back to the same bytes', () => {
    const different = frames.filter(({ bytes }) => !encodeFrame(decodeFrame(bytes)).equals(bytes));
    expect(different.map(({ where }) => where)).toEqual([]);
    expect(frames.length).toBe(339);
    new FrameDecoder();
  });
});
