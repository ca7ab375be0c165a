import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertInto } from '../../common/insert-into.ts';
import { inLockOrder, type StockItem } from '../domain/reservation.ts';
import { movementKinds, type MovementKind } from '../domain/stock-movement.ts';
import { StockMovementRow } from './stock.entity.ts';

/** Fewer pieces are where they are to be taken from. Nothing of the transaction may be committed. */
export class TooFewPieces extends Error {
  override readonly name = 'TooFewPieces';
  readonly sku: string;

  constructor(kind: MovementKind, { sku, quantity }: StockItem) {
    super(`${quantity} of ${sku} cannot be ${kind}: there are fewer ${movementKinds[kind].from}`);
    this.sku = sku;
  }
}

/** Moves pieces: a row of the ledger for each sku, and with it the level, which is the ledger's sum. */
@Injectable()
export class StockLedger {
  /**
   * The levels come last and in lock order: their rows are the ones that everybody wants, and they are held until the commit.
   *
   * Errors: TooFewPieces; ER_DUP_ENTRY when these have been moved before, under this reference.
   */
  async move(
    manager: EntityManager,
    kind: Exclude<MovementKind, 'RECEIVED'>,
    reference: string,
    items: readonly StockItem[],
    occurredAt: Date,
  ): Promise<void> {
    const ordered = inLockOrder(items);
    const movements = ordered.map((item) => ({ ...item, kind, reference, occurredAt }));
    await insertInto(manager, StockMovementRow, movements);
    const { from, to } = movementKinds[kind];
    for (const item of ordered) {
      const { affectedRows } = await manager.query<{ affectedRows: number }>(
        `UPDATE stock_levels SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE sku = ? AND ${from} >= ?`,
        [item.quantity, item.quantity, item.sku, item.quantity],
      );
      if (affectedRows === 0) throw new TooFewPieces(kind, item);
    }
  }
}
