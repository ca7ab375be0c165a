import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Address {
  host: string;
  port: number;
}

const loopback = { host: '127.0.0.1', port: 0 };

/**
 * A way to a server that can be closed and opened again: closed, whoever uses it finds the server stopped, and connections
 * that were open are cut.
 */
export class Gate {
  readonly port: number;
  readonly #host: string;
  readonly #target: Address;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(at: Address, target: Address, server: Server) {
    this.port = at.port;
    this.#host = at.host;
    this.#target = target;
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket));
  }

  /** Listens on a free port of this machine, unless told where else. */
  static async open(target: Address, { host, port }: Address = loopback): Promise<Gate> {
    const server = createServer();
    server.listen(port, host);
    await once(server, 'listening');
    const at = server.address() as { port: number };
    return new Gate({ host, port: at.port }, target, server);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  async reopen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer();
    server.on('connection', (socket) => this.#join(socket));
    server.listen(this.port, this.#host);
    await once(server, 'listening');
    this.#server = server;
  }

  #join(socket: Socket): void {
    const { host, port } = this.#target;
    const other = connect(port, host);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      // A side that is cut cuts the other: what has gone wrong is theirs to notice.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
