import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  encodeFrame,
  responseTo,
  type RemotingCommand,
  type RequestParts,
} from '../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../mq/protocol/frame-decoder.ts';
import { until } from './deadline.ts';

/** One raw socket that speaks frames as a test scripts them, with no rules of its own. */
export class RawPeer {
  readonly received: RemotingCommand[] = [];
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.received.push(...this.#decoder.push(chunk)));
    socket.on('error', () => (this.isClosed = true));
    socket.on('close', () => (this.isClosed = true));
  }

  static async dial(port: number): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  send(...frames: (RemotingCommand | Buffer | string)[]): void {
    const bytes = frames.map((frame) => {
      if (typeof frame === 'string') return Buffer.from(frame, 'latin1');
      return Buffer.isBuffer(frame) ? frame : encodeFrame(frame);
    });
    this.#socket.write(Buffer.concat(bytes));
  }

  reply(request: RemotingCommand, parts: RequestParts): void {
    this.send(responseTo(request, parts));
  }

  /** The nth command received, counted from 0; waits for it. */
  async command(index: number): Promise<RemotingCommand> {
    return until(() => this.received[index], { what: `command ${index} at the scripted peer` });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, { what: 'the scripted peer to be closed' });
  }
}

/** Accepts connections for a client under test; each becomes a RawPeer. */
export class ScriptedServer implements AsyncDisposable {
  readonly peers: RawPeer[] = [];
  readonly #server = createServer((socket) => this.peers.push(new RawPeer(socket)));
  #port = 0;

  static async listen(port = 0): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    scripted.#server.listen(port, '127.0.0.1');
    await once(scripted.#server, 'listening');
    const bound = scripted.#server.address();
    scripted.#port = typeof bound === 'object' && bound ? bound.port : 0;
    return scripted;
  }

  get port(): number {
    return this.#port;
  }

  get addr(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The nth connection, counted from 0; waits for it. */
  async peer(index = 0): Promise<RawPeer> {
    return until(() => this.peers[index], { what: `connection ${index} at the scripted server` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
