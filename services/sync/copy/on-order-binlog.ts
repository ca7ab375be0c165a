import { Injectable, type Type } from '@nestjs/common';
import {
  OrderlyEventListener,
  type ConsumedMessage,
  type ConsumeOrderlyResult,
  type ReceivedMessage,
} from '../../common/mq.module.ts';
import { OrderlyConsumption } from '../../common/orderly-consumption.ts';
import { ORDER_BINLOG, parseRowChange } from '../../contracts/order-binlog.ts';
import { ApplyChanges } from './apply-changes.ts';
import { ParkMessage } from './park-message.ts';

const CONSUMER_GROUP = 'sync-copy';

/**
 * The listener that copies the changes of these tables; with a condition, those of them that meet it. The broker chooses:
 * by tag, or by SQL92 when there is a condition, which one without enablePropertyFilter refuses at the start.
 */
export function onOrderBinlog(
  tables: readonly string[],
  {
    batchCount,
    suspendMs,
    condition,
  }: { batchCount: number; suspendMs: number; condition: string | undefined },
): Type {
  const selector = condition === undefined ? { tags: tables } : { sql: sqlOf(tables, condition) };

  @Injectable()
  class OnOrderBinlog {
    constructor(
      private readonly applyChanges: ApplyChanges,
      private readonly parkMessage: ParkMessage,
      private readonly consumption: OrderlyConsumption,
    ) {}

    @OrderlyEventListener({
      topic: ORDER_BINLOG,
      consumerGroup: CONSUMER_GROUP,
      batchCount,
      suspendMs,
      ...selector,
    })
    handle(messages: readonly ConsumedMessage[]): Promise<ConsumeOrderlyResult> {
      const reading = {
        group: CONSUMER_GROUP,
        parse: parseRowChange,
        park: (message: ReceivedMessage, reason: string) =>
          this.parkMessage.execute(message, reason),
      };
      return this.consumption.runBatch(messages, reading, async (batch) => {
        await this.applyChanges.execute(
          queueOf(messages[0]),
          batch.map(({ event }) => event),
        );
        return 'handled';
      });
    }
  }
  return OnOrderBinlog;
}

function sqlOf(tables: readonly string[], condition: string): string {
  return `TAGS IN (${tables.map((table) => `'${table}'`).join(', ')}) AND (${condition})`;
}

/** Of one queue they are all. */
function queueOf(message: ConsumedMessage | undefined): string {
  return message === undefined ? '' : `${message.brokerName}-${message.queueId}`;
}
