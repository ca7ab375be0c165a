import { promisify } from 'node:util';
import { deflate as zlibDeflate, inflate as zlibInflate } from 'node:zlib';
import { MqError } from '../errors.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';

const deflate = promisify(zlibDeflate);
const inflate = promisify(zlibInflate);

/** The level every other RocketMQ client uses. */
const ZLIB_LEVEL = 5;

/** Returns a body and the sysFlag bits that say how it is packed; a body that does not shrink goes as it is. */
export async function compressBody(body: Buffer): Promise<{ body: Buffer; sysFlag: number }> {
  const packed = await deflate(body, { level: ZLIB_LEVEL });
  if (packed.length >= body.length) return { body, sysFlag: 0 };
  return { body: packed, sysFlag: MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_ZLIB };
}

/**
 * Unpacks a body as its sysFlag says. Go and C++ producers set the compressed bit alone, which means zlib.
 *
 * Errors: MESSAGE_CORRUPT for bytes that are not a zlib stream, for an output above `maxBytes`, and for LZ4 and zstd,
 * which this client cannot read.
 */
export async function decompressBody(
  body: Buffer,
  sysFlag: number,
  maxBytes: number,
): Promise<Buffer> {
  if ((sysFlag & MessageSysFlag.COMPRESSED) === 0) return body;
  const type = sysFlag & MessageSysFlag.COMPRESSION_TYPE_MASK;
  if (type !== 0 && type !== MessageSysFlag.COMPRESSION_ZLIB) {
    throw new MqError(
      'MESSAGE_CORRUPT',
      `body is compressed with ${nameOf(type)}, this client reads zlib only`,
      { details: { sysFlag } },
    );
  }
  try {
    return await inflate(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new MqError(
      'MESSAGE_CORRUPT',
      isTooLarge
        ? `body of ${body.length} bytes inflates to more than ${maxBytes}`
        : `body of ${body.length} bytes is not a zlib stream`,
      { cause, details: { bytes: body.length, limit: maxBytes } },
    );
  }
}

function nameOf(type: number): string {
  if (type === MessageSysFlag.COMPRESSION_LZ4) return 'LZ4';
  if (type === MessageSysFlag.COMPRESSION_ZSTD) return 'zstd';
  return `unknown type ${type >> 8}`;
}
