import type { EntityManager, EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';

/** One INSERT and nothing else: no look first, no reading back of what the database filled in. */
export async function insertInto<Row extends ObjectLiteral>(
  manager: EntityManager,
  table: EntityTarget<Row>,
  rows: QueryDeepPartialEntity<Row>[],
): Promise<void> {
  await manager
    .createQueryBuilder()
    .insert()
    .into(table)
    .values(rows)
    .updateEntity(false)
    .execute();
}
