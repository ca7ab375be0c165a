import type { Row, Statements } from './statements.ts';

export interface ColumnDefinition {
  readonly name: string;
  /** As DDL writes it, with character set and collation. */
  readonly type: string;
  /**
   * As DDL writes it: what the rows got that were there before the column was. Undefined: nobody can tell but whoever has
   * the rows.
   */
  readonly valueOfOldRows: string | undefined;
}

export interface TableDefinition {
  readonly name: string;
  /** None when there is no such table. */
  readonly columns: readonly ColumnDefinition[];
  /** Columns of the primary key, in its order. */
  readonly key: readonly string[];
}

export async function definitionOf(
  statements: Statements,
  schema: string,
  table: string,
): Promise<TableDefinition> {
  const columns = await statements.query(
    `SELECT column_name AS name, column_type AS type, character_set_name AS texts, collation_name AS sorting,
            is_nullable AS nullability, column_default AS default_value, is_generated AS generation
       FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
    [schema, table],
  );
  const key = await statements.query(
    `SELECT column_name AS name FROM information_schema.statistics
      WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index`,
    [schema, table],
  );
  return {
    name: table,
    columns: columns.map((row) => ({
      name: String(row['name']),
      type: typeOf(row),
      valueOfOldRows: valueOfOldRows(row),
    })),
    key: key.map((row) => String(row['name'])),
  };
}

function typeOf({ type, texts, sorting }: Row): string {
  const charset =
    texts === null ? '' : ` CHARACTER SET ${String(texts)} COLLATE ${String(sorting)}`;
  return `${String(type)}${charset}`;
}

/** As information_schema writes them: `'text'`, `5`, `NULL`. A function may have another value each time. */
const literal = /^(NULL|-?[\d.]+|'(?:[^'\\]|''|\\.)*')$/;

function valueOfOldRows(row: Row): string | undefined {
  if (row['generation'] !== 'NEVER') return undefined;
  const value = row['default_value'];
  if (value !== null) return literal.test(String(value)) ? String(value) : undefined;
  return row['nullability'] === 'YES' ? 'NULL' : valueOfType(String(row['type']));
}

/** What a column that must have a value and has no default gets in the rows that are there already. */
function valueOfType(type: string): string | undefined {
  if (/^(tiny|small|medium|big)?int|^(decimal|float|double)/.test(type)) return '0';
  return /^(var)?(char|binary)|(text|blob)$/.test(type) ? "''" : undefined;
}
