import type { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import type { CopyDatabase } from '../copy/copy-database.ts';
import { isGone, type Row, type Statements } from '../copy/statements.ts';

/** One hour, by what happened in it: an order may be placed in one, paid in the next and refunded in a third. */
export interface ReportedHour {
  /** Its beginning, ISO 8601 in UTC. */
  readonly at: string;
  readonly placedCount: number;
  readonly paidCount: number;
  readonly revenueMinor: number;
  readonly refundMinor: number;
}

export interface ReportedSale {
  readonly saleId: string;
  readonly placedCount: number;
  readonly paidCount: number;
  readonly closedCount: number;
  /** Paid of placed, 0 to 1. */
  readonly conversion: number;
}

export interface OrderReport {
  /** When the last change happened that the copy has, ISO 8601 in UTC. Undefined while it only has a snapshot. */
  readonly lastChangeAt: string | undefined;
  readonly currency: string | undefined;
  readonly totals: Omit<ReportedHour, 'at'> & {
    /** Refunded of earned in the period, 0 to 1 and above. Undefined when nothing was earned. */
    readonly refundRate: number | undefined;
  };
  readonly hours: readonly ReportedHour[];
  /** Newest first, whatever the period. */
  readonly sales: readonly ReportedSale[];
}

const HOUR_MS = 3_600_000;
const LISTED_SALES = 20;

/** At once, each with a connection of those by which the changes come, too. */
const MAX_UNDER_WAY = 3;
/** Of one question. The server ends it by itself: one that nobody waits for any more would go on there. */
const MAX_STATEMENT_S = 20;

/** Paid for once, whatever was given back later. */
const PAID = "status IN ('PAID', 'SHIPPED', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED')";

/**
 * What the copy says of the shop. Long questions are its purpose: nobody who buys waits for them.
 *
 * Bounds: a few are made at once, and no question is asked for long: the copy has changes to take, too.
 * Errors: COPY.UNAVAILABLE; REPORT.BUSY; REPORT.NOT_YET while the tables of the copy are being made.
 */
export class OrderReports {
  readonly #copy: CopyDatabase;
  readonly #clock: Clock;
  /** What is being made, for whom else wants the same. */
  readonly #underWay = new Map<string, Promise<OrderReport>>();

  constructor(copy: CopyDatabase, clock: Clock) {
    this.#copy = copy;
    this.#clock = clock;
  }

  of(hourCount: number, wantedCurrency?: string): Promise<OrderReport> {
    const name = `${hourCount} ${wantedCurrency ?? ''}`;
    const same = this.#underWay.get(name);
    if (same !== undefined) return same;
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      const text = `${MAX_UNDER_WAY} other reports are being made just now`;
      throw new DomainError('REPORT.BUSY', 'unavailable', text);
    }
    const report = this.#made(hourCount, wantedCurrency).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, report);
    return report;
  }

  async #made(hourCount: number, wantedCurrency: string | undefined): Promise<OrderReport> {
    const lastHour = Math.floor(this.#clock.now().getTime() / HOUR_MS);
    const firstHour = lastHour - hourCount + 1;
    const since = new Date(firstHour * HOUR_MS);
    try {
      return await this.#copy.transaction(async (all) => {
        const statements = bounded(all);
        const currency = wantedCurrency ?? (await usualCurrency(statements, since));
        const placed = await placedByHour(statements, since);
        const earned = await earnedByHour(statements, since, currency);
        const refunded = await refundedByHour(statements, since, currency);
        const hours = Array.from({ length: hourCount }, (_, index): ReportedHour => {
          const hour = firstHour + index;
          return {
            at: new Date(hour * HOUR_MS).toISOString(),
            placedCount: numberOf(placed.get(hour), 'count'),
            paidCount: numberOf(earned.get(hour), 'count'),
            revenueMinor: numberOf(earned.get(hour), 'amount'),
            refundMinor: numberOf(refunded.get(hour), 'amount'),
          };
        });
        const lastChangeAt = await lastChange(statements);
        const sales = await newestSales(statements, this.#copy.schema);
        return { lastChangeAt, currency, totals: totalsOf(hours), hours, sales };
      });
    } catch (error) {
      if (isStatementTooLong(error)) {
        const text = `the copy needs more than ${MAX_STATEMENT_S} s for an answer, ask for fewer hours`;
        throw new DomainError('REPORT.BUSY', 'unavailable', text);
      }
      if (!isGone(error)) throw error;
      const text = 'the copy is being made; there is a report when its first snapshot is taken';
      throw new DomainError('REPORT.NOT_YET', 'unavailable', text);
    }
  }
}

function bounded(statements: Statements): Statements {
  return {
    query: (sql, values) =>
      statements.query(`SET STATEMENT max_statement_time = ${MAX_STATEMENT_S} FOR ${sql}`, values),
  };
}

function totalsOf(hours: readonly ReportedHour[]): OrderReport['totals'] {
  const sum = (of: (hour: ReportedHour) => number): number =>
    hours.reduce((total, hour) => total + of(hour), 0);
  const revenueMinor = sum((hour) => hour.revenueMinor);
  const refundMinor = sum((hour) => hour.refundMinor);
  return {
    placedCount: sum((hour) => hour.placedCount),
    paidCount: sum((hour) => hour.paidCount),
    revenueMinor,
    refundMinor,
    refundRate: revenueMinor === 0 ? undefined : refundMinor / revenueMinor,
  };
}

async function usualCurrency(statements: Statements, since: Date): Promise<string | undefined> {
  const [row] = await statements.query(
    `SELECT currency FROM orders WHERE _deleted = 0 AND placed_at >= ?
      GROUP BY currency ORDER BY COUNT(*) DESC, currency LIMIT 1`,
    [since],
  );
  return row === undefined ? undefined : String(row['currency']);
}

/** Rows by the hour since the epoch that a column is in. */
function hourOf(column: string): string {
  return `FLOOR(UNIX_TIMESTAMP(${column}) / 3600)`;
}

async function placedByHour(statements: Statements, since: Date): Promise<Map<number, Row>> {
  const rows = await statements.query(
    `SELECT ${hourOf('placed_at')} AS hour, COUNT(*) AS count FROM orders
      WHERE _deleted = 0 AND placed_at >= ? GROUP BY hour`,
    [since],
  );
  return byHour(rows);
}

async function earnedByHour(
  statements: Statements,
  since: Date,
  currency: string | undefined,
): Promise<Map<number, Row>> {
  const rows = await statements.query(
    `SELECT ${hourOf('paid_at')} AS hour, COUNT(*) AS count, SUM(IF(currency = ?, total_minor, 0)) AS amount FROM orders
      WHERE _deleted = 0 AND paid_at >= ? AND ${PAID} GROUP BY hour`,
    [currency ?? '', since],
  );
  return byHour(rows);
}

/** What customers were given back. A payment that came too late was never earned, and is left out here as it is there. */
async function refundedByHour(
  statements: Statements,
  since: Date,
  currency: string | undefined,
): Promise<Map<number, Row>> {
  const rows = await statements.query(
    `SELECT ${hourOf('r.completed_at')} AS hour, SUM(r.amount_minor) AS amount
       FROM order_refunds AS r JOIN orders AS o ON o.order_no = r.order_no AND o._deleted = 0
      WHERE r._deleted = 0 AND r.completed_at >= ? AND r.reason = 'CUSTOMER' AND o.currency = ? GROUP BY hour`,
    [since, currency ?? ''],
  );
  return byHour(rows);
}

async function lastChange(statements: Statements): Promise<string | undefined> {
  const [row] = await statements.query('SELECT MAX(committed_at) AS at FROM _progress');
  const at = row?.['at'];
  return typeof at === 'string' ? `${at.replace(' ', 'T')}Z` : undefined;
}

async function newestSales(statements: Statements, schema: string): Promise<ReportedSale[]> {
  // The column comes with the first order of a sale, or with a snapshot.
  const column = await statements.query(
    `SELECT 1 FROM information_schema.columns WHERE table_schema = ? AND table_name = 'orders' AND column_name = 'sale_id'`,
    [schema],
  );
  if (column.length === 0) return [];
  const rows = await statements.query(
    `SELECT sale_id, COUNT(*) AS placed, SUM(${PAID}) AS paid, SUM(status = 'CANCELLED') AS closed
       FROM orders WHERE _deleted = 0 AND sale_id IS NOT NULL
      GROUP BY sale_id ORDER BY MIN(placed_at) DESC, sale_id LIMIT ?`,
    [LISTED_SALES],
  );
  return rows.map((row) => {
    const placedCount = numberOf(row, 'placed');
    const paidCount = numberOf(row, 'paid');
    return {
      saleId: String(row['sale_id']),
      placedCount,
      paidCount,
      closedCount: numberOf(row, 'closed'),
      conversion: paidCount / placedCount,
    };
  });
}

function byHour(rows: readonly Row[]): Map<number, Row> {
  return new Map(rows.map((row) => [Number(row['hour']), row]));
}

/** Sums come as texts; none is beyond what a number holds. */
function numberOf(row: Row | undefined, column: string): number {
  return Number(row?.[column] ?? 0);
}

/** ER_STATEMENT_TIMEOUT of MariaDB, for which the driver has no name. */
const STATEMENT_TIMEOUT_ERRNO = 1969;

function isStatementTooLong(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === STATEMENT_TIMEOUT_ERRNO;
}
