import type { BinlogRow, RowChange } from '../../contracts/order-binlog.ts';
import type { RowsEvent } from './binlog-events.ts';
import type { FollowedTable } from './followed-tables.ts';
import type { OrderLinks } from './order-links.ts';
import { StreamFault } from './stream-fault.ts';

/**
 * The changes of an event, each with its order and its position. A row that goes from one order to another is deleted from
 * the first and inserted into the second, since the two may have different queues.
 *
 * Errors: StreamFault SYNC.MALFORMED_EVENT for a row whose order nobody knows; those of the links.
 */
export async function rowChanges(
  event: RowsEvent,
  table: FollowedTable,
  links: OrderLinks,
): Promise<RowChange[]> {
  const { schema, committedAtMs } = event;
  const changes: RowChange[] = [];
  const add = (orderNo: string, change: RowsOfChange): void => {
    const position = { ...event.position, row: changes.length + 1 };
    const committedAt = new Date(committedAtMs).toISOString().replace('.000Z', 'Z');
    changes.push({ schema, table: table.name, orderNo, position, committedAt, ...change });
  };
  for (const { before, after } of event.rows) {
    const orderNoBefore = before && (await knownOrderNo(event, table, links, before));
    const orderNoAfter = after && (await knownOrderNo(event, table, links, after));
    if (before && after && orderNoBefore === orderNoAfter) {
      add(orderNoAfter!, { op: 'UPDATE', before, after });
      continue;
    }
    if (before) add(orderNoBefore!, { op: 'DELETE', before });
    if (after) add(orderNoAfter!, { op: 'INSERT', after });
  }
  return changes;
}

type RowsOfChange =
  | { op: 'INSERT'; after: BinlogRow }
  | { op: 'UPDATE'; before: BinlogRow; after: BinlogRow }
  | { op: 'DELETE'; before: BinlogRow };

async function knownOrderNo(
  { position }: RowsEvent,
  table: FollowedTable,
  links: OrderLinks,
  row: BinlogRow,
): Promise<string> {
  const orderNo = await links.orderNoOf(table, row);
  if (orderNo !== undefined) return orderNo;
  const { name, keyColumn, via } = table;
  const reason = !(keyColumn in row)
    ? `table ${name} has no column ${keyColumn}`
    : via === undefined
      ? `a row of ${name} has no value in ${keyColumn}`
      : `a row of ${name} belongs to a row of ${via} that nobody knows: insert it again, or make a new snapshot`;
  throw new StreamFault('SYNC.MALFORMED_EVENT', reason, { position });
}
