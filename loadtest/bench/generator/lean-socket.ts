import { connect, type Socket } from 'node:net';
import { FrameSplitter, type FrameView } from './frames.ts';

/** Read into again and again: a fresh buffer for each read would be the generator's largest cost. */
const READ_BYTES = 256 * 1024;

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** A connection that reads frames and writes bytes, and fails loudly: a benchmark does not reconnect. */
export class LeanSocket {
  readonly #socket: Socket;
  #isClosing = false;
  /** Rejects when the connection ends before `close()`. */
  readonly failed: Promise<never>;

  static async open(
    { host, port }: BrokerAddress,
    onFrame: (frame: FrameView) => void,
    onReadEnd: () => void = () => undefined,
  ): Promise<LeanSocket> {
    const splitter = new FrameSplitter();
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (byteCount, buffer) => {
          splitter.feed(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount), onFrame);
          onReadEnd();
          return true;
        },
      },
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new LeanSocket(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.failed = new Promise((_, reject) => {
      socket.on('error', reject);
      socket.on('close', () => {
        if (!this.#isClosing) reject(new Error('the broker closed the connection'));
      });
    });
    // Whoever runs a load races against it.
    this.failed.catch(() => undefined);
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }
}
