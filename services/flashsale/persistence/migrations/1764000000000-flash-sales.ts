import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

/** `taken` is how many tickets hold a piece; the CHECK is the last of several that keep a sale from being oversold. */
export class FlashSales1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS flash_sales (
        id             CHAR(21) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        sku            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        stock          BIGINT NOT NULL CHECK (stock > 0),
        per_user_limit INT NOT NULL CHECK (per_user_limit > 0),
        starts_at      DATETIME(3) NOT NULL,
        ends_at        DATETIME(3) NOT NULL,
        state          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
          CHECK (state IN ('OPEN', 'CLOSED')),
        taken          BIGINT NOT NULL DEFAULT 0,
        created_at     DATETIME(3) NOT NULL,
        CONSTRAINT never_oversold CHECK (taken BETWEEN 0 AND stock),
        KEY by_end (ends_at)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS flash_tickets (
        ticket_no   CHAR(21) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        sale_id     CHAR(21) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        user_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
          CHECK (status IN ('TAKEN', 'ORDERED', 'REFUSED', 'RETURNED', 'VOID')),
        code        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        reason      VARCHAR(255) NULL,
        admitted_at DATETIME(3) NOT NULL,
        updated_at  DATETIME(3) NOT NULL,
        KEY of_user (sale_id, user_id)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS parked_messages (
        message_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        topic      VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        body       MEDIUMTEXT NOT NULL,
        reason     VARCHAR(255) NOT NULL,
        parked_at  DATETIME(3) NOT NULL
      ) ENGINE = InnoDB`);
    await createMessagingTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS parked_messages, flash_tickets, flash_sales');
    await dropMessagingTables(runner);
  }
}
