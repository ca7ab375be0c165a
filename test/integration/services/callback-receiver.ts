import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  parseChannelCallback,
  verifyCallback,
  type ChannelCallback,
} from '../../../services/contracts/channel-callback.ts';

/** One sending of a callback, as it arrived. */
export interface ReceivedCallback {
  callback: ChannelCallback;
  verdict: 'ok' | 'forged' | 'stale';
  atMs: number;
}

/** Stands where the payment service would: takes callbacks, checks their signature, and answers as it is told to. */
export class CallbackReceiver implements AsyncDisposable {
  readonly url: string;
  readonly #received: ReceivedCallback[] = [];
  readonly #server: Server;
  /** The status of the next answers in turn; 204 after them. 'none' hangs up without one. */
  readonly #answers = new Map<string, (number | 'none')[]>();

  private constructor(server: Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}/callbacks?from=channel`;
  }

  static async start(secret: string): Promise<CallbackReceiver> {
    const server = createServer((request, response) => {
      let rawBody = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (rawBody += chunk));
      request.on('end', () => {
        const verdict = verifyCallback({
          secret,
          timestampMs: request.headers['x-channel-timestamp'] as string | undefined,
          signature: request.headers['x-channel-signature'] as string | undefined,
          rawBody,
          nowMs: Date.now(),
          toleranceMs: 60_000,
        });
        const status = receiver.#take({
          callback: parseChannelCallback(rawBody),
          verdict,
          atMs: Date.now(),
        });
        if (status === 'none') request.socket.destroy();
        else response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new CallbackReceiver(server);
    return receiver;
  }

  of(requestNo: string): ReceivedCallback[] {
    return this.#received.filter(({ callback }) => callback.requestNo === requestNo);
  }

  /** What the next callbacks of this charge are answered with. */
  answer(requestNo: string, answers: (number | 'none')[]): void {
    this.#answers.set(requestNo, answers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(received: ReceivedCallback): number | 'none' {
    this.#received.push(received);
    return this.#answers.get(received.callback.requestNo)?.shift() ?? 204;
  }
}
