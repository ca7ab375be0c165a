import type { BinlogPosition } from '../../../../services/contracts/order-binlog.ts';
import type {
  BinlogClient,
  BinlogListener,
  ClientEvent,
  EventHeader,
} from '../../../../services/sync/follower/binlog-client.ts';

export const FAKE_FILE = 'binlog.000001';
export const FAKE_SCHEMA = 'shop';
const EVENT_BYTES = 100;
const TIME_MS = Date.UTC(2026, 10, 30, 8, 0, 0);

interface LoggedEvent {
  readonly event: ClientEvent;
  readonly header: EventHeader;
}

export type FakeRow = Readonly<Record<string, string | number | null>>;
export type FakeRows =
  | { op: 'INSERT' | 'DELETE'; table: string; rows: FakeRow[] }
  | { op: 'UPDATE'; table: string; rows: { before: FakeRow; after: FakeRow }[] };

/** A binlog file in memory, written as a server writes it and read as its client reads it. */
export class FakeBinlog {
  readonly #events: LoggedEvent[] = [];
  #end = 4;

  get end(): BinlogPosition {
    return { file: FAKE_FILE, offset: this.#end, row: 0 };
  }

  /** Appends one transaction; returns where its row events are. */
  commit(changes: readonly FakeRows[]): BinlogPosition[] {
    this.#log('MariadbGtid', { standalone: false });
    const positions = changes.map((change) => {
      const offset = this.#end;
      this.#logRows(change);
      return { file: FAKE_FILE, offset, row: 0 };
    });
    this.#log('Xid', {});
    return positions;
  }

  /** The server dies while it writes a transaction, and goes on in another file, as one that has rolled it back. */
  tear(changes: readonly FakeRows[], nextFile: string): void {
    this.#log('MariadbGtid', { standalone: false });
    for (const change of changes) this.#logRows(change);
    this.#log('Rotate', { binlogName: nextFile, position: 4 });
  }

  /** Appends a statement of its own, as DDL is. */
  state(query: string, schema = FAKE_SCHEMA): void {
    this.#log('MariadbGtid', { standalone: true });
    this.#log('Query', { query, schema });
  }

  log(typeName: string, fields: object = {}): void {
    this.#log(typeName, fields);
  }

  eventsFrom(offset: number): readonly LoggedEvent[] {
    const first = this.#events.findIndex(({ header }) => header.offset >= offset);
    return first < 0 ? [] : this.#events.slice(first);
  }

  #logRows({ op, table, rows }: FakeRows): void {
    const [first] = rows;
    const row = first && 'after' in first && typeof first.after === 'object' ? first.after : first;
    const names = Object.keys(row ?? {});
    const all = Buffer.alloc(8, 0xff);
    this.#log({ INSERT: 'WriteRows', UPDATE: 'UpdateRows', DELETE: 'DeleteRows' }[op], {
      tableId: 1,
      numberOfColumns: names.length,
      columns_present_bitmap: all,
      rows,
      tableMap: {
        1: {
          parentSchema: FAKE_SCHEMA,
          tableName: table,
          columnSchemas: names.map((name) => ({ COLUMN_NAME: name, COLUMN_TYPE: 'varchar(32)' })),
        },
      },
    });
  }

  #log(typeName: string, fields: object): void {
    const offset = this.#end;
    this.#end += EVENT_BYTES;
    const header = {
      typeCode: 0,
      offset,
      endOffset: this.#end,
      timestampMs: TIME_MS,
      isArtificial: false,
    };
    this.#events.push({ event: { getTypeName: () => typeName, ...fields }, header });
  }
}

/** What befalls a connection, and after how many events. */
export interface ClientFault {
  readonly afterCount: number;
  readonly kind: 'lost' | 'malformed' | 'refused';
  readonly message?: string;
}

/** Reads a FakeBinlog to its end, an event a turn of the loop, and says then that there is no more. */
export class FakeClient implements BinlogClient {
  readonly #binlog: FakeBinlog;
  readonly #fault: ClientFault | undefined;
  #isResting = false;
  #isClosed = false;
  #wake: () => void = () => undefined;
  restCount = 0;

  constructor(binlog: FakeBinlog, fault?: ClientFault) {
    this.#binlog = binlog;
    this.#fault = fault;
  }

  open(start: { offset: number }, listener: BinlogListener): void {
    void this.#readAll(start.offset, listener);
  }

  pause(): void {
    this.#isResting = true;
    this.restCount++;
  }

  resume(): void {
    this.#isResting = false;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await Promise.resolve();
  }

  async #readAll(startOffset: number, listener: BinlogListener): Promise<void> {
    let offset = startOffset;
    for (let count = 0; !this.#isClosed; count++) {
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#isResting && !this.#isClosed) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#isClosed) return;
      const [next] = this.#binlog.eventsFrom(offset);
      if (this.#fault !== undefined && count >= this.#fault.afterCount) {
        return this.#fail(this.#fault, listener, next?.header);
      }
      if (next === undefined) {
        const atEnd = {
          typeCode: 27,
          offset: 0,
          endOffset: offset,
          timestampMs: 0,
          isArtificial: true,
        };
        listener.event({ getTypeName: () => 'Heartbeat' }, atEnd);
        continue;
      }
      offset = next.header.endOffset;
      listener.event(next.event, next.header);
    }
  }

  #fail(
    { kind, message = 'as the test wants it' }: ClientFault,
    listener: BinlogListener,
    header: EventHeader | undefined,
  ): void {
    if (kind === 'lost') listener.lost(new Error(message));
    else if (kind === 'refused') listener.refused(new Error(message));
    else listener.malformed(new RangeError(message), header);
  }
}
