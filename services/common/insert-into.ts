import type { EntityManager, EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';

/**
 * One INSERT and nothing else: no look first, no reading back of what the database filled in.
 *
 * Written by hand, for TypeORM's builder takes several times as long as the rest of the statement. What no row gives is left
 * out, so that the database fills it in.
 */
export async function insertInto<Row extends ObjectLiteral>(
  manager: EntityManager,
  table: EntityTarget<Row>,
  rows: readonly QueryDeepPartialEntity<Row>[],
): Promise<void> {
  const { driver } = manager.dataSource;
  const { tableName, columns } = manager.dataSource.getMetadata(table);
  const given = columns.filter(({ propertyName }) =>
    rows.some((row) => (row as ObjectLiteral)[propertyName] !== undefined),
  );
  const parameters: unknown[] = [];
  const values = rows.map((row) => {
    const fields = given.map((column) => {
      const value: unknown = (row as ObjectLiteral)[column.propertyName];
      if (value === undefined) return 'DEFAULT';
      // As the column is declared: JSON as text, say, which mysql2 would write as a list of values.
      parameters.push(driver.preparePersistentValue(value, column));
      return '?';
    });
    return `(${fields.join()})`;
  });
  const names = given.map(({ databaseName }) => `\`${databaseName}\``).join();
  const statement = `INSERT INTO \`${tableName}\` (${names}) VALUES ${values.join()}`;
  await manager.query(statement, parameters);
}
