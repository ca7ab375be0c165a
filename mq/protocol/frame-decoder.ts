import { MqError } from '../errors.ts';
import {
  checkFramePrefix,
  decodeFrame,
  defaultFrameLimits,
  FRAME_PREFIX_BYTES,
  type FrameLimits,
  type RemotingCommand,
} from './frame.ts';

/**
 * Cuts a byte stream into frames, whatever the chunking.
 *
 * Limits are checked as soon as the eight prefix bytes are there, before more is buffered. A frame that
 * lies within one chunk is decoded in place; only a frame that straddles chunks is copied. Decoded bodies
 * are views of the chunk, which stays alive as long as they do.
 */
export class FrameDecoder {
  readonly #limits: FrameLimits;
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
    let rest = chunk;
    if (this.#bufferedBytes > 0) {
      this.#chunks.push(chunk);
      this.#bufferedBytes += chunk.length;
      if (this.#wantedBytes === 0 && this.#bufferedBytes >= FRAME_PREFIX_BYTES) {
        this.#join();
        this.#wantedBytes = this.#frameBytes(this.#chunks[0]!);
      }
      if (this.#wantedBytes === 0 || this.#bufferedBytes < this.#wantedBytes) return;
      this.#join();
      rest = this.#chunks[0]!;
      this.#chunks = [];
      this.#bufferedBytes = 0;
      this.#wantedBytes = 0;
    }
    while (rest.length >= FRAME_PREFIX_BYTES) {
      const frameBytes = this.#frameBytes(rest);
      if (rest.length < frameBytes) {
        this.#wantedBytes = frameBytes;
        break;
      }
      commands.push(decodeFrame(rest.subarray(0, frameBytes), this.#limits));
      rest = rest.subarray(frameBytes);
    }
    if (rest.length > 0) {
      this.#chunks = [rest];
      this.#bufferedBytes = rest.length;
    }
  }

  #frameBytes(prefix: Buffer): number {
    checkFramePrefix(prefix, this.#limits);
    return prefix.readInt32BE(0) + 4;
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bufferedBytes)];
  }
}
