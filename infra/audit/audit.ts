import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { copyAddress, type CopyAddress } from './copy-address.ts';
import { compareCopy, type CopyComparison } from './copy-comparison.ts';
import { readFacts } from './fact-reader.ts';
import type { Finding } from './finding.ts';
import { lastChangeAt, type OrderFacts } from './order-facts.ts';
import { judge } from './order-rules.ts';
import { lastChangeOf, type SaleFacts, type TicketFacts } from './sale-facts.ts';
import { readSales, readTickets } from './sale-reader.ts';
import { judgeSale, judgeTicket } from './sale-rules.ts';
import { schemas, type Schemas } from './schemas.ts';
import { checkWholeDatabase } from './whole-database.ts';

/** One order, and what is the matter with it. */
export interface OrderVerdict {
  facts: OrderFacts;
  findings: readonly Finding[];
}

/** A flash sale with its tickets, and what is the matter with them. */
export interface SaleVerdict {
  sale: SaleFacts | undefined;
  tickets: readonly TicketFacts[];
  findings: readonly Finding[];
}

export interface AuditOptions {
  /** What is younger may still be under way: it is counted and not called lost. */
  graceMs: number;
  /** So long an order may be neither paid nor closed, and goods and coupons be set aside for one that is not there. */
  openMs: number;
  /** How long the copy of the order database is waited for where it differs from its source; not at all by default. */
  copyMs?: number;
}

/** What the databases say, all of them, of all orders there are. */
export interface AuditReport {
  orders: number;
  /** How many orders have each status. */
  byStatus: Readonly<Record<string, number>>;
  /** Orders that have not come to their end yet, and are young enough; and tickets of flash sales. */
  underWay: number;
  /** Flash sales there are, and tickets that were given out at them. */
  sales: number;
  tickets: number;
  /** The order database held against its copy; undefined: there is no copy. */
  copy: CopyComparison | undefined;
  /** Those of the copy among them. */
  findings: readonly Finding[];
}

/** Memory is bounded by this, not by the number of orders. */
const PAGE_COUNT = 1_000;

/** Reads the schemas of all services. Knows nothing of brokers or services: what it says, the databases alone say. */
export class Audit {
  readonly #connection: Connection;
  readonly #copyConnection: Connection;
  readonly #schemas: Schemas;
  readonly #copySchema: string;

  private constructor(
    connection: Connection,
    copyConnection: Connection,
    names: Schemas,
    copyName: string,
  ) {
    this.#connection = connection;
    this.#copyConnection = copyConnection;
    this.#schemas = names;
    this.#copySchema = copyName;
  }

  static async open(
    databaseUrl: string,
    names: Schemas = schemas,
    copy: CopyAddress = copyAddress(databaseUrl),
  ): Promise<Audit> {
    const connection = await createConnection({ uri: databaseUrl, timezone: 'Z' });
    const copyConnection = await createConnection({ uri: copy.databaseUrl, timezone: 'Z' });
    return new Audit(connection, copyConnection, names, copy.schema);
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
    const sales = await this.#readSales();
    findings.push(...sales.flatMap((sale) => judgeSale(sale)));
    let tickets = 0;
    for await (const ticket of this.#tickets()) {
      tickets += 1;
      const found = judgeTicket(ticket);
      const isYoung = now - lastChangeOf(ticket).getTime() < options.graceMs;
      if (isYoung && found.some(({ kind }) => kind === 'lost')) underWay += 1;
      findings.push(...found.filter(({ kind }) => kind !== 'lost' || !isYoung));
    }
    findings.push(...(await checkWholeDatabase(this.#connection, this.#schemas, options)));
    const copy = await this.#ofCopy(options.copyMs ?? 0);
    findings.push(...(copy?.findings ?? []));
    return { orders, byStatus, underWay, sales: sales.length, tickets, copy, findings };
  }

  /** Undefined when there is no copy. */
  async #ofCopy(graceMs: number): Promise<CopyComparison | undefined> {
    const [tables] = await this.#copyConnection.query<RowDataPacket[]>(
      'SELECT 1 FROM information_schema.tables WHERE table_schema = ? LIMIT 1',
      [this.#copySchema],
    );
    if (tables.length === 0) return undefined;
    const source = { connection: this.#connection, schema: this.#schemas.order };
    const copy = { connection: this.#copyConnection, schema: this.#copySchema };
    return compareCopy(source, copy, { graceMs });
  }

  /** The flash sales that still admit customers, by the ledger. */
  async openSales(): Promise<string[]> {
    const sales = await this.#readSales();
    return sales.filter(({ state }) => state === 'OPEN').map(({ saleId }) => saleId);
  }

  /** Judges a flash sale and its tickets as they are now, with no allowance for what is under way. */
  async ofSale(saleId: string): Promise<SaleVerdict> {
    const sale = (await this.#readSales()).find((each) => each.saleId === saleId);
    const tickets: TicketFacts[] = [];
    for await (const ticket of this.#tickets(saleId)) tickets.push(ticket);
    const findings = tickets.flatMap((ticket) => judgeTicket(ticket));
    if (sale === undefined) findings.push({ orderNo: saleId, kind: 'lost', what: 'sale' });
    else findings.push(...judgeSale(sale));
    return { sale, tickets, findings };
  }

  async close(): Promise<void> {
    await this.#copyConnection.end();
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

  #readSales(): Promise<SaleFacts[]> {
    return this.#atOneMoment(() => readSales(this.#connection, this.#schemas));
  }

  async *#tickets(saleId?: string): AsyncGenerator<TicketFacts> {
    let after = '';
    for (;;) {
      const page = { after, maxCount: PAGE_COUNT, saleId };
      const tickets = await this.#atOneMoment(() =>
        readTickets(this.#connection, this.#schemas, page),
      );
      yield* tickets;
      if (tickets.length < PAGE_COUNT) return;
      after = tickets.at(-1)!.ticketNo;
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
