import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { readFacts } from './fact-reader.ts';
import type { Finding } from './finding.ts';
import { lastChangeAt, type OrderFacts } from './order-facts.ts';
import { judge } from './order-rules.ts';
import { schemas, type Schemas } from './schemas.ts';
import { checkWholeDatabase } from './whole-database.ts';

/** One order, and what is the matter with it. */
export interface OrderVerdict {
  facts: OrderFacts;
  findings: readonly Finding[];
}

export interface AuditOptions {
  /** What is younger may still be under way: it is counted and not called lost. */
  graceMs: number;
  /** So long an order may be neither paid nor closed, and goods and coupons be set aside for one that is not there. */
  openMs: number;
}

/** What the databases say, all of them, of all orders there are. */
export interface AuditReport {
  orders: number;
  /** How many orders have each status. */
  byStatus: Readonly<Record<string, number>>;
  /** Orders that have not come to their end yet, and are young enough. */
  underWay: number;
  findings: readonly Finding[];
}

/** Memory is bounded by this, not by the number of orders. */
const PAGE_COUNT = 1_000;

/** Reads the schemas of all services. Knows nothing of brokers or services: what it says, the databases alone say. */
export class Audit {
  readonly #connection: Connection;
  readonly #schemas: Schemas;

  private constructor(connection: Connection, names: Schemas) {
    this.#connection = connection;
    this.#schemas = names;
  }

  static async open(databaseUrl: string, names: Schemas = schemas): Promise<Audit> {
    return new Audit(await createConnection({ uri: databaseUrl, timezone: 'Z' }), names);
  }

  /** Schemas that do not exist: nothing was ever started here. */
  async missingSchemas(): Promise<string[]> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      'SELECT schema_name AS name FROM information_schema.schemata',
    );
    const found = new Set(rows.map((row) => String(row['name'])));
    return Object.values(this.#schemas).filter((name) => !found.has(name));
  }

  /** Judges these orders as they are now, with no allowance for what is under way. */
  async ofOrders(orderNos: readonly string[]): Promise<OrderVerdict[]> {
    const facts = await this.#atOneMoment(() =>
      readFacts(this.#connection, this.#schemas, orderNos),
    );
    return facts.map((each) => ({ facts: each, findings: judge(each) }));
  }

  /** Judges every order there is, and what is there without one. */
  async ofAll(options: AuditOptions): Promise<AuditReport> {
    const now = Date.now();
    const byStatus: Record<string, number> = {};
    const findings: Finding[] = [];
    let orders = 0;
    let underWay = 0;
    for await (const orderNos of this.#pages()) {
      for (const { facts, findings: found } of await this.ofOrders(orderNos)) {
        orders += 1;
        const status = facts.order?.status ?? 'NONE';
        byStatus[status] = (byStatus[status] ?? 0) + 1;
        const isYoung = isUnderWay(facts, now, options);
        if (isYoung && found.some(({ kind }) => kind === 'lost')) underWay += 1;
        findings.push(...found.filter(({ kind }) => kind !== 'lost' || !isYoung));
      }
    }
    findings.push(...(await checkWholeDatabase(this.#connection, this.#schemas, options)));
    return { orders, byStatus, underWay, findings };
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }

  /**
   * All schemas as they were at one moment: a shop goes on while it is audited, and an effect that is read after its cause
   * would seem to have none. What is committed later is not seen, so every effect that is seen has its cause.
   */
  async #atOneMoment<T>(read: () => Promise<T>): Promise<T> {
    await this.#connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await this.#connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    try {
      return await read();
    } finally {
      await this.#connection.query('ROLLBACK');
    }
  }

  async *#pages(): AsyncGenerator<string[]> {
    let last = '';
    for (;;) {
      const [rows] = await this.#connection.query<RowDataPacket[]>(
        `SELECT order_no FROM ${this.#schemas.order}.orders WHERE order_no > ? ORDER BY order_no LIMIT ?`,
        [last, PAGE_COUNT],
      );
      if (rows.length === 0) return;
      const orderNos = rows.map((row) => String(row['order_no']));
      yield orderNos;
      last = orderNos.at(-1) ?? last;
    }
  }
}

function isUnderWay(facts: OrderFacts, now: number, { graceMs, openMs }: AuditOptions): boolean {
  const ageMs = now - lastChangeAt(facts).getTime();
  return ageMs < (facts.order?.status === 'PENDING' ? openMs : graceMs);
}
