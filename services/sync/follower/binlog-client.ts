/** The events of `@vlasky/zongji` that matter here, as far as they matter. */
export interface ClientEvent {
  getTypeName(): string;
}

export interface RotateEvent extends ClientEvent {
  binlogName: string;
  position: number;
}

export interface GtidEvent extends ClientEvent {
  /** A group of one statement (DDL), which no commit follows. */
  standalone: boolean;
}

export interface QueryEvent extends ClientEvent {
  schema: string;
  query: string;
}

export interface TableMapEvent extends ClientEvent {
  tableId: number;
  schemaName: string;
  tableName: string;
  hasSelfDescribingMetadata(): boolean;
  hasAmbiguousTemporalColumns(): boolean;
}

export interface ClientRowsEvent extends ClientEvent {
  tableId: number;
  numberOfColumns: number;
  /** One bit a column, lowest first: which columns the rows have. */
  columns_present_bitmap: Buffer;
  /** Of the rows after an update. */
  columns_present_bitmap2?: Buffer;
  rows: Record<string, unknown>[] | { before: RawRow; after: RawRow }[];
  tableMap: Record<number, TableColumns | undefined>;
}

export interface TableColumns {
  parentSchema: string;
  tableName: string;
  columnSchemas: readonly { COLUMN_NAME: string; COLUMN_TYPE: string }[];
}

export type RawRow = Readonly<Record<string, unknown>>;

/** Log_event_type of an event that says: others are lost. */
export const INCIDENT_EVENT = 26;

/** What stands before every event. */
export interface EventHeader {
  /** Log_event_type of the server. */
  readonly typeCode: number;
  /** Where the event begins and ends in its file, in bytes. Both 0 of an event that is in no file. */
  readonly offset: number;
  readonly endOffset: number;
  readonly timestampMs: number;
  /** Made up for us by the server, in no file. */
  readonly isArtificial: boolean;
}

export interface BinlogListener {
  /** Undefined when the client makes nothing of the event; its header still says what it is. */
  event(event: ClientEvent | undefined, header: EventHeader): void;
  /** An event that cannot be read. Nothing comes after it. */
  malformed(error: Error, header: EventHeader | undefined): void;
  /** The server has ended the stream and says why. */
  refused(error: Error): void;
  /** The connection is lost. */
  lost(error: Error): void;
}

/** A connection that reads one binlog from one position. */
export interface BinlogClient {
  open(start: { file: string; offset: number }, listener: BinlogListener): void;
  /** Lets the server wait; what has been received comes after `resume`. */
  pause(): void;
  resume(): void;
  /** No call of the listener comes after this one has been made. */
  close(): Promise<void>;
}
