import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import {
  encodeFrame,
  isResponse,
  responseTo,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';

/** What becomes of a request on its way: handed on, refused with SYSTEM_ERROR, or the line goes dead. */
export type Fate = 'pass' | 'refuse' | 'drop';

/** Stands between clients and a cluster it does not own: a name server and a broker that hand everything on. */
export class Middleman implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #fateOf: (request: RemotingCommand) => Fate;
  #namesrvAddr = '';

  private constructor(fateOf: (request: RemotingCommand) => Fate) {
    this.#fateOf = fateOf;
  }

  /** `fateOf` is asked for every request a client sends to the broker. */
  static async start(
    cluster: { readonly namesrvAddr: string; readonly brokerAddr: string },
    fateOf: (request: RemotingCommand) => Fate,
  ): Promise<Middleman> {
    const middleman = new Middleman(fateOf);
    const brokerAddr = await middleman.#listen(cluster.brokerAddr, (answer) => answer);
    // Routes name the broker by its address, which is to be this one.
    middleman.#namesrvAddr = await middleman.#listen(cluster.namesrvAddr, (answer) => {
      const body = answer.body?.toString('utf8').replaceAll(cluster.brokerAddr, brokerAddr);
      return body === undefined ? answer : { ...answer, body: Buffer.from(body) };
    });
    return middleman;
  }

  get namesrvAddr(): string {
    return this.#namesrvAddr;
  }

  async #listen(
    target: string,
    rewrite: (answer: RemotingCommand) => RemotingCommand,
  ): Promise<string> {
    const server = createServer((client) => this.#join(client, target, rewrite));
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #join(
    client: Socket,
    target: string,
    rewrite: (answer: RemotingCommand) => RemotingCommand,
  ): void {
    const [host, port] = target.split(':');
    const upstream = connect(Number(port), host);
    const end = (): void => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        this.#sockets.delete(socket);
      }
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    this.#forward(upstream, (command) => client.write(encodeFrame(rewrite(command))));
    this.#forward(client, (command) => {
      const fate = isResponse(command) ? 'pass' : this.#fateOf(command);
      if (fate === 'pass') upstream.write(encodeFrame(command));
      else if (fate === 'drop') end();
      else client.write(encodeFrame(refusalOf(command)));
    });
  }

  #forward(from: Socket, onCommand: (command: RemotingCommand) => void): void {
    const decoder = new FrameDecoder();
    from.on('data', (chunk: Buffer) => {
      for (const command of decoder.push(chunk)) onCommand(command);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) {
      const closed = once(server, 'close');
      server.close();
      await closed;
    }
  }
}

function refusalOf(request: RemotingCommand): RemotingCommand {
  return responseTo(request, { code: ResponseCode.SYSTEM_ERROR, remark: 'refused by the test' });
}
