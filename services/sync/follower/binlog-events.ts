import type { BinlogPosition, ColumnValue } from '../../contracts/order-binlog.ts';

export interface RowsEvent {
  readonly type: 'rows';
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly schema: string;
  readonly table: string;
  /** Of the event: `row` is 0. */
  readonly position: BinlogPosition;
  readonly committedAtMs: number;
  /** INSERT has `after`, DELETE `before`, UPDATE both. */
  readonly rows: readonly {
    readonly before?: Readonly<Record<string, ColumnValue>>;
    readonly after?: Readonly<Record<string, ColumnValue>>;
  }[];
}

/** The binlog as the follower sees it: transactions with rows of the followed tables, and what lies between. */
export type BinlogEvent =
  | { readonly type: 'begin'; readonly position: BinlogPosition; readonly committedAtMs: number }
  | RowsEvent
  /** The transaction is over; the next one begins at this position or behind it. */
  | { readonly type: 'end'; readonly position: BinlogPosition }
  /** Between two transactions: nothing happened up to this position. */
  | { readonly type: 'skip'; readonly position: BinlogPosition }
  /** There is nothing more to read just now. */
  | { readonly type: 'caught-up' };
