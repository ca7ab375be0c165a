import type { BinlogRow, RowChange } from '../../contracts/order-binlog.ts';
import { versionOf } from './row-version.ts';

/** What a row of the copy is to be, as of a version. */
export interface RowState {
  readonly table: string;
  readonly values: BinlogRow;
  readonly version: string;
  /** A row that is gone leaves its last values behind, and the version that guards against what is told of it later. */
  readonly isDeleted: boolean;
}

/** Two of a change that moves a row to another key: it is gone from the one and there at the other. */
export function statesOf(change: RowChange, key: readonly string[]): RowState[] {
  const { table, op } = change;
  const version = versionOf(change.position);
  if (op === 'DELETE') return [{ table, values: change.before, version, isDeleted: true }];
  const state = { table, values: change.after, version, isDeleted: false };
  if (op === 'INSERT' || keyOf(change.before, key) === keyOf(change.after, key)) return [state];
  return [{ table, values: change.before, version, isDeleted: true }, state];
}

/** Of two states of one row in a batch only the newer is written. */
export function newestOf(states: readonly RowState[], key: readonly string[]): RowState[] {
  const newest = new Map<string, RowState>();
  for (const state of states) {
    const id = keyOf(state.values, key);
    const other = newest.get(id);
    if (other === undefined || other.version < state.version) newest.set(id, state);
  }
  return [...newest.values()];
}

/** Two rows are one when this is the same. */
function keyOf(values: BinlogRow, key: readonly string[]): string {
  return JSON.stringify(key.map((column) => values[column]));
}
