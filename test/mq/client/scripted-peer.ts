import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  asOneway,
  encodeFrame,
  requestCommand,
  responseTo,
  type RemotingCommand,
  type RequestParts,
} from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { describeRequestCode } from '../../../mq/protocol/request-code.ts';

/** Answers one request: not at all, later, twice, or from another place; whatever the script wants. */
export type Script = (request: RemotingCommand, reply: (parts: RequestParts) => void) => void;

/** A server on loopback that does exactly what a test tells it to, with no code of the broker's. */
export class ScriptedPeer implements AsyncDisposable {
  readonly received: RemotingCommand[] = [];
  readonly #scripts = new Map<number, Script>();
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer();
    await peer.reopen();
    return peer;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Replaces what was scripted for this code before. */
  on(code: number, script: Script): this {
    this.#scripts.set(code, script);
    return this;
  }

  /** Answers every request of this code alike. */
  answer(code: number, parts: Partial<RequestParts> = {}): this {
    return this.on(code, (_request, reply) => reply({ code: 0, ...parts }));
  }

  requests(code: number): RemotingCommand[] {
    return this.received.filter((request) => request.code === code);
  }

  /** Sends a oneway request to every connected client. */
  notify(parts: RequestParts): void {
    this.write(encodeFrame(asOneway(requestCommand(parts))));
  }

  /** Sends these bytes to every connected client. */
  write(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Reads nothing more from anybody until `resume`. */
  pause(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  /** Gone, connections and all; `reopen` brings it back on the same port. */
  async vanish(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async reopen(): Promise<void> {
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.vanish();
  }

  #serve(socket: Socket): void {
    const decoder = new FrameDecoder();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      for (const request of decoder.push(chunk)) this.#dispatch(request, socket);
    });
  }

  #dispatch(request: RemotingCommand, socket: Socket): void {
    this.received.push(request);
    const reply = (parts: RequestParts): void => {
      if (socket.writable) socket.write(encodeFrame(responseTo(request, parts)));
    };
    const script = this.#scripts.get(request.code);
    if (script !== undefined) script(request, reply);
    else reply({ code: 3, remark: `no script for ${describeRequestCode(request.code)}` });
  }
}
