import { createConnection } from 'mysql2/promise';
import { DomainError } from '../../common/errors.ts';
import type { DatabaseAddress } from '../database-address.ts';
import { isAway, statementsOf, valuesAsTheyAre } from './statements.ts';
import { definitionOf, type TableDefinition } from './table-definition.ts';

const TIMEOUT_MS = 10_000;

/**
 * What the tables of the source look like now. Rows come in messages, which know the names of their columns and not the types.
 *
 * Errors: SOURCE.UNAVAILABLE; SOURCE.TABLE for one that is not there, or has no primary key and so no name for a row.
 */
export class SourceSchema {
  readonly #address: DatabaseAddress;

  constructor(address: DatabaseAddress) {
    this.#address = address;
  }

  async table(name: string): Promise<TableDefinition> {
    const table = await this.#read(name);
    if (table.key.length > 0) return table;
    const what = table.columns.length === 0 ? 'is not there' : 'has no primary key';
    throw new DomainError('SOURCE.TABLE', 'conflict', `${this.#address.schema}.${name} ${what}`);
  }

  async #read(name: string): Promise<TableDefinition> {
    const { schema, ...server } = this.#address;
    try {
      const connection = await createConnection({ ...server, ...valuesAsTheyAre });
      // The statement that runs fails with the connection, and tells.
      connection.on('error', () => undefined);
      try {
        return await definitionOf(statementsOf(connection, TIMEOUT_MS), schema, name);
      } finally {
        connection.destroy();
      }
    } catch (cause) {
      if (!isAway(cause)) throw cause;
      const text = `the source cannot be asked just now what ${name} looks like`;
      throw new DomainError('SOURCE.UNAVAILABLE', 'unavailable', text, { cause });
    }
  }
}
