import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertInto } from '../../common/insert-into.ts';
import { inLockOrder, sumsBySku, type StockItem } from '../domain/reservation.ts';
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
    await this.#shift(manager, kind, ordered);
  }

  /**
   * The same for many references, with one row of the levels a sku.
   *
   * Errors: TooFewPieces; ER_DUP_ENTRY.
   */
  async moveAll(
    manager: EntityManager,
    kind: Exclude<MovementKind, 'RECEIVED'>,
    moves: readonly { orderNo: string; items: readonly StockItem[] }[],
    occurredAt: Date,
  ): Promise<void> {
    const rows = moves.flatMap(({ orderNo, items }) =>
      items.map(({ sku, quantity }) => [sku, kind, quantity, orderNo, occurredAt]),
    );
    if (rows.length === 0) return;
    await manager.query(
      'INSERT INTO stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ?',
      [rows],
    );
    await this.#shift(manager, kind, inLockOrder(sumsBySku(moves.flatMap(({ items }) => items))));
  }

  /** What is available of each of these. Until the transaction ends nobody else takes any of it. */
  async holdAvailable(
    manager: EntityManager,
    skus: readonly string[],
  ): Promise<Map<string, number>> {
    if (skus.length === 0) return new Map();
    const rows: { sku: string; available: string }[] = await manager.query(
      'SELECT sku, available FROM stock_levels WHERE sku IN (?) ORDER BY sku FOR UPDATE',
      [skus],
    );
    return new Map(rows.map(({ sku, available }) => [sku, Number(available)]));
  }

  /** `ordered`: one entry a sku, in lock order. */
  async #shift(
    manager: EntityManager,
    kind: Exclude<MovementKind, 'RECEIVED'>,
    ordered: readonly StockItem[],
  ): Promise<void> {
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
