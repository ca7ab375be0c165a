import { MqError } from '../errors.ts';
import {
  decodeFrameAt,
  defaultFrameLimits,
  FRAME_PREFIX_BYTES,
  frameBytesAt,
  type FrameLimits,
  type RemotingCommand,
} from './frame.ts';
import { isSendFrame, SendReader } from './send-reader.ts';

/**
 * Cuts a byte stream into frames, whatever the chunking.
 *
 * Limits are checked as soon as the eight prefix bytes are there, before more is buffered. A frame that
 * lies within one chunk is decoded in place; only a frame that straddles chunks is copied. Decoded bodies
 * are views of the chunk, which stays alive as long as they do.
 */
export class FrameDecoder {
  readonly #limits: FrameLimits;
  /** Made with the first send: most connections carry none. */
  #sends: SendReader | undefined;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** Whole length of the frame at the head of the buffer, or 0 while its prefix is incomplete. */
  #wantedBytes = 0;
  #failure: MqError | undefined;

  constructor(limits: FrameLimits = defaultFrameLimits) {
    this.#limits = limits;
  }

  /** True while a frame has begun and not ended: the caller's half-frame timer runs exactly then. */
  get isMidFrame(): boolean {
    return this.#bufferedBytes > 0;
  }

  /** Why the stream cannot be decoded any further, behind the commands already returned. */
  get failure(): MqError | undefined {
    return this.#failure;
  }

  /**
   * Returns the commands completed by this chunk.
   *
   * Errors: FRAME_INVALID; the stream is then unusable. When commands come before the invalid frame in one
   *         chunk they are returned and `failure` holds the error, so that no good request goes unheard.
   */
  push(chunk: Buffer): RemotingCommand[] {
    if (this.#failure) throw this.#failure;
    const commands: RemotingCommand[] = [];
    try {
      this.#cut(chunk, commands);
    } catch (error) {
      this.#failure = MqError.is(error)
        ? error
        : new MqError('FRAME_INVALID', 'frame does not decode', { cause: error });
      this.#chunks = [];
      this.#bufferedBytes = 0;
      if (commands.length === 0) throw this.#failure;
    }
    return commands;
  }

  #cut(chunk: Buffer, commands: RemotingCommand[]): void {
    let at = this.#bufferedBytes > 0 ? this.#complete(chunk, commands) : 0;
    while (chunk.length - at >= FRAME_PREFIX_BYTES) {
      const frameBytes = frameBytesAt(chunk, at, this.#limits);
      if (chunk.length - at < frameBytes) {
        this.#wantedBytes = frameBytes;
        break;
      }
      commands.push(this.#decode(chunk, at, at + frameBytes));
      at += frameBytes;
    }
    if (at < chunk.length) this.#keep(chunk.subarray(at));
  }

  /** Takes from the chunk what the frame lacks that has begun before it, no more, and returns where the rest begins. */
  #complete(chunk: Buffer, commands: RemotingCommand[]): number {
    let at = 0;
    if (this.#wantedBytes === 0) {
      at = Math.min(FRAME_PREFIX_BYTES - this.#bufferedBytes, chunk.length);
      this.#keep(chunk.subarray(0, at));
      if (this.#bufferedBytes < FRAME_PREFIX_BYTES) return at;
      this.#wantedBytes = frameBytesAt(this.#joined(), 0, this.#limits);
    }
    const end = Math.min(at + this.#wantedBytes - this.#bufferedBytes, chunk.length);
    if (end > at) this.#keep(chunk.subarray(at, end));
    if (this.#bufferedBytes < this.#wantedBytes) return end;
    const frame = this.#joined();
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#wantedBytes = 0;
    commands.push(this.#decode(frame, 0, frame.length));
    return end;
  }

  #decode(source: Buffer, at: number, end: number): RemotingCommand {
    if (!isSendFrame(source, at, end)) return decodeFrameAt(source, at, end);
    this.#sends ??= new SendReader();
    return this.#sends.read(source, at, end) ?? decodeFrameAt(source, at, end);
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bufferedBytes += bytes.length;
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bufferedBytes)];
    return this.#chunks[0]!;
  }
}
