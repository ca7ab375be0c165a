import {
  columnProperties,
  ORDER_BINLOG,
  PositionProperty,
  rowOf,
  type BinlogPosition,
  type RowChange,
} from '../../contracts/order-binlog.ts';
import type { Message } from '../../common/mq.module.ts';
import type { ReadTransaction } from './progress.ts';

/** A change on its way to its queue. */
export interface OutgoingChange {
  readonly orderNo: string;
  readonly position: BinlogPosition;
  readonly message: Message;
  /** Of the message's body. */
  readonly bytes: number;
  readonly transaction: ReadTransaction;
}

export function outgoingChange(change: RowChange, transaction: ReadTransaction): OutgoingChange {
  const { orderNo, position } = change;
  const body = Buffer.from(JSON.stringify(change));
  return {
    orderNo,
    position,
    bytes: body.length,
    transaction,
    message: {
      topic: ORDER_BINLOG,
      tags: change.table,
      keys: orderNo,
      shardingKey: orderNo,
      body,
      properties: {
        op: change.op,
        [PositionProperty.file]: position.file,
        [PositionProperty.offset]: String(position.offset),
        [PositionProperty.row]: String(position.row),
        ...propertiesOf(change),
      },
    },
  };
}

/** A property cannot be empty: a column without a value is none. */
function propertiesOf(change: RowChange): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [column, value] of Object.entries(rowOf(change))) {
    const name = columnProperties[column];
    if (name === undefined || value === null || typeof value === 'object' || value === '') continue;
    properties[name] = String(value);
  }
  return properties;
}
