import ZongJi from '@vlasky/zongji';
import { isDatabaseUnavailable } from '../../common/database-errors.ts';
import type { DatabaseAddress } from '../database-address.ts';
import type { BinlogClient, BinlogListener, ClientEvent, EventHeader } from './binlog-client.ts';
import { checkChecksum, eventHeader } from './event-packet.ts';

/** Those that the reader wants to know of. The server sends all of them; row events of other tables are not decoded. */
const wantedEvents = [
  'rotate',
  'query',
  'xid',
  'xaprepare',
  'tablemap',
  'writerows',
  'updaterows',
  'deleterows',
  'mariadbgtid',
  'gtid',
  'heartbeat',
];

const FORMAT_DESCRIPTION_EVENT = 15;

/** What mysql2 does not declare of its connections. */
interface Packet {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
}
interface StreamConnection {
  _paused: boolean;
  handlePacket(packet: Packet | undefined): void;
  query(statement: string, done: (error: Error | null) => void): void;
  pause(): void;
  resume(): void;
  readonly stream: { on(event: 'close', listener: () => void): void };
}

/**
 * `@vlasky/zongji`, with what it leaves out: it takes checksums off unread, hides where an event begins, asks for no
 * heartbeat, and does not say when the server ends the stream.
 *
 * Columns come from the binlog itself (`binlog_row_metadata=FULL`), so old rows are read with the columns of their time.
 * Times come as text in UTC, and BIGINT as text beyond what a number holds.
 */
export class ZongjiClient implements BinlogClient {
  readonly #zongji: ZongJi;
  readonly #options: {
    serverId: number;
    heartbeatMs: number;
    includeSchema: Record<string, string[]>;
  };
  #connection: StreamConnection | undefined;
  #listener: BinlogListener | undefined;
  /** Of the packet that is being handled. */
  #header: EventHeader | undefined;
  #isTold = false;

  constructor(
    source: DatabaseAddress,
    options: { tables: readonly string[]; serverId: number; heartbeatMs: number },
  ) {
    const { host, port, user, password, schema } = source;
    const { tables, serverId, heartbeatMs } = options;
    this.#options = { serverId, heartbeatMs, includeSchema: { [schema]: [...tables] } };
    this.#zongji = new ZongJi({
      host,
      port,
      user,
      password,
      dateStrings: true,
      timezone: 'Z',
      connectTimeout: 5_000,
    });
  }

  open(start: { file: string; offset: number }, listener: BinlogListener): void {
    const { serverId, includeSchema } = this.#options;
    this.#listener = listener;
    this.#zongji.on('error', (error: Error) => this.#failed(error));
    this.#zongji.on('binlog', (event: ClientEvent) => {
      this.#isTold = true;
      if (this.#header !== undefined) this.#listener?.event(event, this.#header);
    });
    // Before the request for the binlog is queued on the connection.
    this.#zongji.on('ready', () => this.#prepare());
    this.#zongji.start({
      serverId,
      filename: start.file,
      position: start.offset,
      includeEvents: wantedEvents,
      includeSchema,
    });
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    await new Promise<void>((resolve) => {
      this.#zongji.once('stopped', () => resolve());
      this.#zongji.stop();
    });
  }

  #prepare(): void {
    const connection = this.#zongji.connection as unknown as StreamConnection;
    this.#connection = connection;
    connection.stream.on('close', () => this.#lost('the server closed the connection'));
    const heartbeatNs = BigInt(this.#options.heartbeatMs) * 1_000_000n;
    connection.query(`SET @master_heartbeat_period = ${heartbeatNs}`, (error) => {
      if (error !== null) return this.#failed(error);
      this.#inspectPackets(connection);
    });
  }

  /** From here on every packet is an event, an error, or the end. */
  #inspectPackets(connection: StreamConnection): void {
    const handle = connection.handlePacket.bind(connection);
    connection.handlePacket = (packet) => {
      // A connection at rest keeps packets, and has them handled here later.
      if (packet === undefined || connection._paused) return handle(packet);
      const marker = packet.buffer[packet.offset];
      if (marker === 0xfe) return this.#lost('the server ended the binlog stream');
      if (marker !== 0x00) return handle(packet);
      if (this.#listener === undefined) return;
      if (!this.#take(packet)) return;
      this.#isTold = false;
      handle(packet);
      // Rows of other tables, and events that the client makes nothing of.
      if (!this.#isTold && this.#header) this.#listener?.event(undefined, this.#header);
    };
  }

  #take({ buffer, offset, end }: Packet): boolean {
    const event = buffer.subarray(offset + 1, end);
    this.#header = undefined;
    try {
      this.#header = eventHeader(event);
      // The server changes flags of a format description that it sends, and some versions leave the checksum as it was.
      const isChecked =
        this.#zongji.useChecksum && this.#header.typeCode !== FORMAT_DESCRIPTION_EVENT;
      if (isChecked) checkChecksum(event);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#malformed(error);
      return false;
    }
    return true;
  }

  /** Everything that goes wrong comes through one door: what the server says, the connection, and the decoding. */
  #failed(error: Error): void {
    if (isDatabaseUnavailable(error)) return this.#lost(error.message, error);
    if ('errno' in error && typeof error.errno === 'number' && 'sqlState' in error) {
      this.#listener?.refused(error);
      this.#listener = undefined;
      return;
    }
    this.#malformed(error);
  }

  #malformed(error: Error): void {
    this.#listener?.malformed(error, this.#header);
    this.#listener = undefined;
  }

  #lost(reason: string, cause?: Error): void {
    this.#listener?.lost(new Error(reason, { cause }));
    this.#listener = undefined;
  }
}
