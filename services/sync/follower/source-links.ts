import type { FollowedTable } from './followed-tables.ts';
import type { LinkSource } from './order-links.ts';
import type { SourceConnection } from './source-connection.ts';

/** Asks the source itself about rows that are older than the stream. Errors: SourceAway. */
export class SourceLinks implements LinkSource {
  readonly #source: Pick<SourceConnection, 'lookUp'>;
  readonly #schema: string;
  readonly #tables: ReadonlyMap<string, FollowedTable>;

  constructor(
    source: Pick<SourceConnection, 'lookUp'>,
    schema: string,
    tables: ReadonlyMap<string, FollowedTable>,
  ) {
    this.#source = source;
    this.#schema = schema;
    this.#tables = tables;
  }

  async find(table: string, link: string): Promise<string | undefined> {
    const other = this.#tables.get(table);
    const linking = [...this.#tables.values()].find(({ via }) => via === table);
    if (other === undefined || linking === undefined) return undefined;
    const place = { schema: this.#schema, table, keyColumn: linking.keyColumn };
    return this.#source.lookUp(place, other.keyColumn, link);
  }
}
