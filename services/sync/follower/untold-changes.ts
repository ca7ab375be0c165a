/** Statements that change rows, and that a row binlog holds as text only when somebody made it so; or that have no rows at all. */
const pattern =
  /^(?:insert|update|delete|replace|load|truncate)\b|^drop\s+(?:table|database|schema)\b|^create\s+or\s+replace\s+(?:table|database|schema)\b/i;

/** The partitions of a table, with the rows in them. */
const partitionPattern = /^alter\s+table\b[\s\S]*\b(?:truncate|drop|exchange)\s+partition\b/i;

/** Before a statement: blanks, comments, also those that name its origin, and settings for it alone. */
const preamblePattern =
  /^(?:\s+|\/\*(?!!)[\s\S]*?\*\/|--[^\n]*\n|#[^\n]*\n|set\s+statement\s[\s\S]*?\sfor\s)+/i;

/**
 * A statement of the binlog that changes rows of followed tables without telling them row by row; what it is, for whoever
 * reads why the stream stopped. Undefined for any other: changes of a table's columns are read off the rows that follow.
 *
 * A statement names a table as its author liked. One that was run in the followed schema or names it counts when it also
 * names a followed table, or drops the schema.
 */
export function untoldChange(
  statement: { schema: string; text: string },
  followed: { schema: string; tables: ReadonlySet<string> },
): string | undefined {
  const text = statement.text.replace(preamblePattern, '');
  const verb =
    pattern.exec(text)?.[0] ?? (partitionPattern.test(text) ? 'ALTER OF PARTITIONS' : undefined);
  if (verb === undefined) return undefined;
  const words = new Set(text.match(/[\p{L}\p{N}_$]+/gu) ?? []);
  const isHere = statement.schema === followed.schema || words.has(followed.schema);
  if (!isHere) return undefined;
  const what = verb.toUpperCase().replace(/\s+/g, ' ');
  if (/^(DROP|CREATE OR REPLACE) (DATABASE|SCHEMA)/.test(what)) {
    return words.has(followed.schema) ? `${what} ${followed.schema}` : undefined;
  }
  const table = [...followed.tables].find((name) => words.has(name));
  return table === undefined ? undefined : `${what} of ${table}`;
}
