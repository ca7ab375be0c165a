import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFrame, isResponse, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { parseHostPort } from '../../../mq/protocol/host-address.ts';

/** A connection that sends whatever it is given, and holds its peer to one answer a request. */
export class RawConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #waiting = new Map<number, (answer: RemotingCommand | undefined) => void>();
  #lastOpaque = 0;

  static async open(address: string): Promise<RawConnection> {
    const { address: host, port } = parseHostPort(address);
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // Being cut off is an answer, too.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const answer of this.#waiting.values()) answer(undefined);
      this.#waiting.clear();
    });
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** undefined when the peer closed the connection. Errors: when neither happens in time. */
  async request(command: RemotingCommand, timeoutMs: number): Promise<RemotingCommand | undefined> {
    const opaque = ++this.#lastOpaque;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(
          () => reject(new Error(`request ${command.code} has no answer after ${timeoutMs} ms`)),
          timeoutMs,
        );
        this.#waiting.set(opaque, resolve);
        if (this.isClosed) resolve(undefined);
        else this.#socket.write(encodeFrame({ ...command, opaque }));
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(opaque);
    }
  }

  #receive(chunk: Buffer): void {
    for (const command of this.#decoder.push(chunk)) {
      if (isResponse(command)) this.#waiting.get(command.opaque)?.(command);
    }
  }
}
