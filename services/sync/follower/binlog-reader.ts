import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import {
  INCIDENT_EVENT,
  type BinlogClient,
  type ClientEvent,
  type ClientRowsEvent,
  type EventHeader,
  type GtidEvent,
  type QueryEvent,
  type RotateEvent,
  type TableMapEvent,
} from './binlog-client.ts';
import type { BinlogEvent, RowsEvent } from './binlog-events.ts';
import { rowsOf } from './client-rows.ts';
import { SourceAway, StreamFault } from './stream-fault.ts';
import { untoldChange } from './untold-changes.ts';

/** Events read ahead: at the first the connection rests, at the second it goes on. */
const FULL_COUNT = 64;
const LOW_COUNT = 16;
/** Heartbeats that may fail to come before the connection counts as lost. */
const SILENT_HEARTBEATS = 3;

/** The server has not got the position, or says that there is no event where we were told one begins. */
const positionLostPattern = /could not find|impossible position|purged|bogus data|not in binlog/i;

/** The server itself cannot read what comes next: it died, or its disk was full, while it wrote that down. */
const unreadablePattern =
  /truncated|corrupt|exceeded max|read(?:ing)? (?:from )?(?:binlog|log) failed/i;

export interface ReaderOptions {
  readonly client: BinlogClient;
  readonly schema: string;
  readonly tables: ReadonlySet<string>;
  readonly heartbeatMs: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow: () => number;
}

/**
 * Reads a binlog from a position, one event after the other, as fast as they are taken: while nobody takes any, the server
 * waits.
 *
 * Errors: of `next`, after everything that came before: StreamFault for what cannot be read or has no rows to tell;
 *         SourceAway when the connection is lost. Then it is over.
 */
export class BinlogReader {
  readonly #options: ReaderOptions;
  readonly #events: BinlogEvent[] = [];
  #end: StreamFault | SourceAway | undefined;
  #wake: () => void = () => undefined;
  #file: string;
  #isStandalone = false;
  #isInTransaction = false;
  #isResting = false;
  #heardAtMs: number;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: ReaderOptions, start: BinlogPosition) {
    this.#options = options;
    this.#file = start.file;
    this.#heardAtMs = options.steadyNow();
    options.client.open(start, {
      event: (event, header) => this.#take(event, header),
      malformed: (error, header) =>
        this.#fail(
          new StreamFault('SYNC.MALFORMED_EVENT', `the event cannot be read: ${error.message}`, {
            position: this.#positionOf(header),
            cause: error,
          }),
        ),
      refused: (error) => this.#fail(refusal(error)),
      lost: (error) => this.#fail(new SourceAway(error.message, { cause: error })),
    });
    this.#watch = setInterval(() => this.#listen(), options.heartbeatMs);
  }

  /** Waits until there is one. */
  async next(): Promise<BinlogEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        if (this.#isResting && this.#events.length <= LOW_COUNT && !this.#end) this.#goOn();
        return event;
      }
      if (this.#end !== undefined) throw this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    this.#fail(new SourceAway('the reader was closed'));
    await this.#options.client.close();
  }

  #take(event: ClientEvent | undefined, header: EventHeader): void {
    if (this.#end !== undefined) return;
    this.#heardAtMs = this.#options.steadyNow();
    try {
      this.#interpret(event, header);
    } catch (error) {
      const fault =
        error instanceof StreamFault
          ? error
          : new StreamFault('SYNC.MALFORMED_EVENT', `the event cannot be told: ${textOf(error)}`, {
              position: this.#positionOf(header),
              cause: error,
            });
      this.#fail(fault);
    }
  }

  #interpret(event: ClientEvent | undefined, header: EventHeader): void {
    if (header.typeCode === INCIDENT_EVENT) {
      throw this.#untellable(header, 'the server lost events here (INCIDENT_EVENT)');
    }
    switch (event?.getTypeName()) {
      case 'Rotate':
        return this.#rotated(event as RotateEvent);
      case 'MariadbGtid':
        return this.#begun((event as GtidEvent).standalone, header);
      case 'TableMap':
        return this.#mapped(event as TableMapEvent, header);
      case 'WriteRows':
        return this.#changed('INSERT', event as ClientRowsEvent, header);
      case 'UpdateRows':
        return this.#changed('UPDATE', event as ClientRowsEvent, header);
      case 'DeleteRows':
        return this.#changed('DELETE', event as ClientRowsEvent, header);
      case 'Query':
        return this.#stated(event as QueryEvent, header);
      case 'Xid':
        return this.#ended(header);
      case 'XaPrepare':
        throw this.#untellable(header, 'an XA transaction, which may yet be rolled back');
      case 'Gtid':
        throw this.#untellable(header, 'a GTID of MySQL: the source must be a MariaDB');
      case 'Heartbeat':
        return this.#push({ type: 'caught-up' });
      default:
        return;
    }
  }

  /** At the start, at the end of a file, and after a restart of the server, which ends files without a word. */
  #rotated({ binlogName, position }: RotateEvent): void {
    if (binlogName === this.#file) return;
    this.#file = binlogName;
    this.#isInTransaction = false;
    this.#push({ type: 'skip', position: { file: binlogName, offset: position, row: 0 } });
  }

  #begun(isStandalone: boolean, header: EventHeader): void {
    const position = this.#positionOf(header);
    if (this.#isInTransaction) this.#push({ type: 'end', position });
    this.#isInTransaction = true;
    this.#isStandalone = isStandalone;
    this.#push({ type: 'begin', position, committedAtMs: header.timestampMs });
  }

  #mapped(event: TableMapEvent, header: EventHeader): void {
    const table = `${event.schemaName}.${event.tableName}`;
    if (!event.hasSelfDescribingMetadata()) {
      const what = `${table} without the names of its columns, binlog_row_metadata must be FULL`;
      throw this.#untellable(header, what);
    }
    if (event.hasAmbiguousTemporalColumns()) {
      const what = `${table} with times in the format of MariaDB 5.3, ALTER TABLE … FORCE renews them`;
      throw this.#untellable(header, what);
    }
  }

  #changed(op: RowsEvent['op'], event: ClientRowsEvent, header: EventHeader): void {
    if (header.offset === 0) {
      throw this.#untellable(header, 'rows of which the server does not say where they are');
    }
    this.#push({
      type: 'rows',
      op,
      ...rowsOf(op, event),
      position: this.#positionOf(header),
      committedAtMs: header.timestampMs,
    });
  }

  #stated({ schema, query }: QueryEvent, header: EventHeader): void {
    const { schema: followedSchema, tables } = this.#options;
    const followed = { schema: followedSchema, tables };
    const change = untoldChange({ schema, text: query }, followed);
    if (change !== undefined) {
      throw this.#untellable(header, `${change}, which the binlog does not tell row by row`);
    }
    // Savepoints and the like are in the middle of a transaction.
    if (this.#isStandalone || /^(commit|rollback)$/i.test(query.trim())) this.#ended(header);
  }

  #ended(header: EventHeader): void {
    this.#isInTransaction = false;
    const position = { file: this.#file, offset: header.endOffset, row: 0 };
    this.#push({ type: 'end', position });
  }

  #push(event: BinlogEvent): void {
    this.#events.push(event);
    this.#wake();
    if (!this.#isResting && this.#events.length >= FULL_COUNT) {
      this.#isResting = true;
      this.#options.client.pause();
    }
  }

  #goOn(): void {
    this.#isResting = false;
    this.#heardAtMs = this.#options.steadyNow();
    this.#options.client.resume();
  }

  /** A connection that died without a word would look like a source on which nothing happens. */
  #listen(): void {
    if (this.#isResting) return;
    const silentMs = this.#options.steadyNow() - this.#heardAtMs;
    // While it connects, the server has 5 s for an answer.
    const patienceMs = Math.max(SILENT_HEARTBEATS * this.#options.heartbeatMs, 5_000);
    if (silentMs > patienceMs) {
      this.#fail(new SourceAway(`the source has been silent for ${Math.round(silentMs)} ms`));
    }
  }

  #fail(end: StreamFault | SourceAway): void {
    this.#end ??= end;
    this.#wake();
  }

  #untellable(header: EventHeader, what: string): StreamFault {
    return new StreamFault('SYNC.MALFORMED_EVENT', `the binlog holds ${what}`, {
      position: this.#positionOf(header),
    });
  }

  #positionOf(header: EventHeader | undefined): BinlogPosition {
    return { file: this.#file, offset: header?.offset ?? 0, row: 0 };
  }
}

function refusal(error: Error): StreamFault {
  const code = positionLostPattern.test(error.message)
    ? 'SYNC.POSITION_LOST'
    : unreadablePattern.test(error.message)
      ? 'SYNC.MALFORMED_EVENT'
      : 'SYNC.SOURCE_SETTINGS';
  return new StreamFault(code, `the source does not send its binlog: ${error.message}`, {
    cause: error,
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
