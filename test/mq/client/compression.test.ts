import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import * as zlib from 'node:zlib';
import { deflateSync } from 'node:zlib';
import { compressBody, decompressBody } from '../../../mq/client/compression.ts';
import { readGoldens } from '../../support/goldens.ts';

describe('body compression', () => {
  it('comes back as it was, and says zlib as 4.9.8 does', async () => {
    const body = Buffer.from('millrace '.repeat(1000));
    const packed = await compressBody(body, 5);
    expect(packed.sysFlag).toBe(0x301);
    expect([...packed.body.subarray(0, 2)]).toEqual([0x78, 0x5e]);
    await expect(decompressBody(packed.body, packed.sysFlag, 10_000)).resolves.toEqual(body);
  });

  it('leaves alone what does not shrink', async () => {
    const body = randomBytes(5000);
    await expect(compressBody(body, 5)).resolves.toEqual({ body, sysFlag: 0 });
    await expect(decompressBody(body, 0, 10)).resolves.toBe(body);
  });

  it('reads the compressed bit alone as zlib, as Go and C++ send it', async () => {
    await expect(decompressBody(deflateSync('hello'), 0x1, 100)).resolves.toEqual(
      Buffer.from('hello'),
    );
  });

  it('refuses to inflate beyond the cap, naming both sizes', async () => {
    const bomb = deflateSync(Buffer.alloc(1_000_000));
    await expect(decompressBody(bomb, 0x1, 1000)).rejects.toThrow(
      `body of ${bomb.length} bytes inflates to more than 1000`,
    );
  });

  it.each([
    ['not a zlib stream', 0x301, /not a zlib stream/],
    ['not an LZ4 stream', 0x101, /not a LZ4 stream/],
    ['what is not zstd, or cannot be read', 0x201, /compressed with zstd|not a zstd stream/],
    ['what nobody knows', 0x401, /compressed with unknown type 4/],
  ])('refuses %s', async (_what, sysFlag, text) => {
    await expect(decompressBody(Buffer.from('nonsense'), sysFlag, 1000)).rejects.toThrow(text);
  });

  it('reads what Java packs with zstd where Node can, and else says that it cannot', async () => {
    const packed = readGoldens('java-5.5.0')('body of 5000 bytes packed with ZSTD');
    if ('zstdDecompress' in zlib) {
      await expect(decompressBody(packed, 0x201, 5_000)).resolves.toHaveLength(5_000);
      await expect(decompressBody(packed, 0x201, 4_999)).rejects.toThrow(/more than 4999/);
    } else {
      await expect(decompressBody(packed, 0x201, 5_000)).rejects.toThrow(/compressed with zstd/);
    }
  });
});
