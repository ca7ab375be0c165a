import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { MqError } from '../errors.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { decodeLz4Frames } from './lz4-frame.ts';

const deflate = promisify(zlib.deflate);

type Unpack = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const inflate: Unpack = promisify(zlib.inflate);
/** Node has it from 22.15 on. */
const zstdDecompress: unknown = Reflect.get(zlib, 'zstdDecompress');
const unzstd =
  typeof zstdDecompress === 'function' ? (promisify(zstdDecompress) as Unpack) : undefined;

const unlz4: Unpack = async (body, { maxOutputLength }) => decodeLz4Frames(body, maxOutputLength);

/** Returns a body and the sysFlag bits that say how it is packed; a body that does not shrink goes as it is. */
export async function compressBody(
  body: Buffer,
  level: number,
): Promise<{ body: Buffer; sysFlag: number }> {
  const packed = await deflate(body, { level });
  if (packed.length >= body.length) return { body, sysFlag: 0 };
  return { body: packed, sysFlag: MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_ZLIB };
}

/**
 * Unpacks a body as its sysFlag says. Go and C++ producers set the compressed bit alone, which means zlib.
 *
 * Errors: MESSAGE_CORRUPT for bytes that are not what sysFlag says, for an output above `maxBytes`, and for zstd where Node
 *         cannot read it.
 */
export async function decompressBody(
  body: Buffer,
  sysFlag: number,
  maxBytes: number,
): Promise<Buffer> {
  if ((sysFlag & MessageSysFlag.COMPRESSED) === 0) return body;
  const { name, unpack } = formatOf(sysFlag & MessageSysFlag.COMPRESSION_TYPE_MASK);
  if (unpack === undefined) {
    throw new MqError(
      'MESSAGE_CORRUPT',
      `body is compressed with ${name}, this client reads ${readable}`,
      { details: { sysFlag } },
    );
  }
  try {
    return await unpack(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new MqError(
      'MESSAGE_CORRUPT',
      isTooLarge
        ? `body of ${body.length} bytes inflates to more than ${maxBytes}`
        : `body of ${body.length} bytes is not a ${name} stream`,
      { cause, details: { bytes: body.length, limit: maxBytes } },
    );
  }
}

const readable = unzstd === undefined ? 'zlib and LZ4' : 'zlib, LZ4 and zstd';

function formatOf(type: number): { name: string; unpack?: Unpack | undefined } {
  switch (type) {
    case 0:
    case MessageSysFlag.COMPRESSION_ZLIB:
      return { name: 'zlib', unpack: inflate };
    case MessageSysFlag.COMPRESSION_ZSTD:
      return { name: 'zstd', unpack: unzstd };
    case MessageSysFlag.COMPRESSION_LZ4:
      return { name: 'LZ4', unpack: unlz4 };
    default:
      return { name: `unknown type ${type >> 8}` };
  }
}
