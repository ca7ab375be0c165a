import { isDeepStrictEqual } from 'node:util';
import type { EntityManager, EntityTarget, ObjectLiteral } from 'typeorm';

/** Writes these properties of rows that are there, each row's own, in one UPDATE. The table's primary key is one column. */
export async function updateRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  table: EntityTarget<Row>,
  rows: readonly Row[],
  properties: readonly (keyof Row & string)[],
): Promise<void> {
  const { dataSource } = manager;
  const { tableName, columns, primaryColumns } = dataSource.getMetadata(table);
  const key = primaryColumns[0]!;
  const parameters: unknown[] = [];
  const changes = properties.map((property) => {
    const column = columns.find(({ propertyName }) => propertyName === property)!;
    const { databaseName } = column;
    const valueOf = (row: Row): unknown =>
      dataSource.driver.preparePersistentValue(row[property], column);
    const first = rows[0]!;
    if (rows.every((row) => isDeepStrictEqual(row[property], first[property]))) {
      parameters.push(valueOf(first));
      return `${databaseName} = ?`;
    }
    for (const row of rows) parameters.push(row[key.propertyName], valueOf(row));
    return `${databaseName} = CASE ${key.databaseName} ${rows.map(() => 'WHEN ? THEN ?').join(' ')} END`;
  });
  await manager.query(
    `UPDATE ${tableName} SET ${changes.join(', ')} WHERE ${key.databaseName} IN (?)`,
    [...parameters, rows.map((row): unknown => row[key.propertyName])],
  );
}
