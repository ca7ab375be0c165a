import type { Provider, Type } from '@nestjs/common';
import { Clock } from '../common/clock.ts';
import type { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { ApplyChanges } from './copy/apply-changes.ts';
import { CopyDatabase } from './copy/copy-database.ts';
import { CopyFloor } from './copy/copy-floor.ts';
import type { CopySettings } from './copy/copy-settings.ts';
import { CopyTables } from './copy/copy-tables.ts';
import { CopyWriter } from './copy/copy-writer.ts';
import { onOrderBinlog } from './copy/on-order-binlog.ts';
import { ParkMessage } from './copy/park-message.ts';
import { SourceSchema } from './copy/source-schema.ts';
import type { FollowerSettings } from './follower/follower-settings.ts';
import { Follower } from './follower/follower.ts';
import { OrderReports } from './report/order-report.ts';
import { ReportController } from './report/report.controller.ts';
import { SnapshotBook } from './snapshot/snapshot-book.ts';
import { SnapshotController } from './snapshot/snapshot.controller.ts';
import { SnapshotRunner } from './snapshot/snapshot-runner.ts';
import { TakeSnapshot } from './snapshot/take-snapshot.ts';

export const copyControllers: Type[] = [SnapshotController, ReportController];

/** What applies changes to the copy, takes snapshots, and asks the copy. */
export function copyProviders(
  settings: CopySettings,
  { source, tables }: Pick<FollowerSettings, 'source' | 'tables'>,
  log: Log,
): Provider[] {
  const tableNames = [...tables.keys()];
  return [
    {
      provide: CopyDatabase,
      useFactory: () => new CopyDatabase({ ...settings, address: settings.database }),
    },
    {
      provide: CopyTables,
      useFactory: (copy: CopyDatabase, book: SnapshotBook) =>
        new CopyTables({
          copy,
          source: new SourceSchema(source),
          onUnknownValues: async (reason) => {
            await book.request(reason, { beginsAnew: false });
          },
          log,
        }),
      inject: [CopyDatabase, SnapshotBook],
    },
    {
      provide: CopyWriter,
      useFactory: (copy: CopyDatabase, copyTables: CopyTables) => new CopyWriter(copy, copyTables),
      inject: [CopyDatabase, CopyTables],
    },
    {
      provide: CopyFloor,
      useFactory: (copy: CopyDatabase) => new CopyFloor(copy),
      inject: [CopyDatabase],
    },
    {
      provide: ApplyChanges,
      useFactory: (copyTables: CopyTables, writer: CopyWriter, floor: CopyFloor, clock: Clock) =>
        new ApplyChanges({ tables: copyTables, writer, floor, clock }),
      inject: [CopyTables, CopyWriter, CopyFloor, Clock],
    },
    {
      provide: ParkMessage,
      useFactory: (copy: CopyDatabase, clock: Clock, metrics: Metrics) => {
        const parkMessage = new ParkMessage(copy, clock);
        metrics.gauge('millrace_copy_parked_messages', 'Changes that nobody could read', () =>
          parkMessage.count(),
        );
        return parkMessage;
      },
      inject: [CopyDatabase, Clock, Metrics],
    },
    onOrderBinlog(tableNames, settings),
    {
      provide: SnapshotBook,
      useFactory: (copy: CopyDatabase, clock: Clock, metrics: Metrics) => {
        const book = new SnapshotBook(copy, clock);
        metrics.gauge('millrace_copy_open_snapshots', 'Snapshots asked for and not taken yet', () =>
          book.openCount(),
        );
        return book;
      },
      inject: [CopyDatabase, Clock, Metrics],
    },
    {
      provide: TakeSnapshot,
      useFactory: (
        stream: Follower,
        book: SnapshotBook,
        copy: CopyDatabase,
        floor: CopyFloor,
        copyTables: CopyTables,
        writer: CopyWriter,
      ) =>
        new TakeSnapshot({
          settings: { source, tables: tableNames, pageRowCount: settings.pageRowCount },
          stream,
          book,
          copy,
          floor,
          tables: copyTables,
          writer,
          log,
        }),
      inject: [Follower, SnapshotBook, CopyDatabase, CopyFloor, CopyTables, CopyWriter],
    },
    {
      provide: SnapshotRunner,
      useFactory: (book: SnapshotBook, takeSnapshot: TakeSnapshot, stream: Follower) =>
        new SnapshotRunner({
          book,
          takeSnapshot,
          stream,
          backoffMs: settings.snapshotBackoffMs,
          log,
        }),
      inject: [SnapshotBook, TakeSnapshot, Follower],
    },
    {
      provide: OrderReports,
      useFactory: (copy: CopyDatabase, clock: Clock) => new OrderReports(copy, clock),
      inject: [CopyDatabase, Clock],
    },
  ];
}
