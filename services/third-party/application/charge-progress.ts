import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { Log } from '../../common/log.ts';
import { backoffMs, type Charge } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { isSettled } from './callback-sender.ts';
import { FindCharge } from './find-charge.ts';
import { Pauses } from './pauses.ts';
import { SettleCharge } from './settle-charge.ts';
import { TellOutcome } from './tell-outcome.ts';

/** Between attempts when a step failed for a reason of our own: the database is away, say. */
const retry = { minMs: 100, maxMs: 5_000 };

/**
 * Brings every charge to its end: settles it when its time has come, then sends its callback until it is taken.
 *
 * What is to be done next, and when, stands in the row (`due_at`): a process that was killed finds it there at its next
 * start. A callback that was sent and not noted is then sent again.
 */
@Injectable()
export class ChargeProgress implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** By the charge's number: each is brought to its end once. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly findCharge: FindCharge,
    private readonly settleCharge: SettleCharge,
    private readonly tellOutcome: TellOutcome,
    private readonly pauses: Pauses,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const unfinished = await this.charges.findUnfinished(this.dataSource.manager);
    for (const charge of unfinished) this.follow(charge);
    if (unfinished.length > 0) this.log.info('charges resumed', { count: unfinished.length });
  }

  /** The pauses have ended by now. What is not done waits in its row for the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** For a charge that nobody follows yet: it is new, or the process is. */
  follow(charge: Charge): void {
    this.#start(charge.requestNo, charge);
  }

  /**
   * For a charge that may be followed, or be done. What the caller has read of it may be older than its last step, whose
   * callback would be sent again: its row is read here, when nobody else follows it any more.
   */
  resume(requestNo: string): void {
    this.#start(requestNo, undefined);
  }

  #start(requestNo: string, charge: Charge | undefined): void {
    if (this.#running.has(requestNo)) return;
    const run = this.#run(requestNo, charge).finally(() => this.#running.delete(requestNo));
    this.#running.set(requestNo, run);
  }

  async #run(requestNo: string, charge: Charge | undefined): Promise<void> {
    let current = charge;
    let failureCount = 0;
    while (current?.dueAt !== null) {
      const dueMs = current?.dueAt.getTime() ?? 0;
      const waitMs =
        failureCount > 0 ? backoffMs(failureCount, retry) : dueMs - this.clock.now().getTime();
      if (!(await this.pauses.wait(waitMs))) return;
      try {
        current = await this.#step(requestNo, current);
        failureCount = 0;
      } catch (error) {
        failureCount++;
        this.log.error('a charge cannot go on', { requestNo, error });
      }
    }
  }

  async #step(requestNo: string, charge: Charge | undefined): Promise<Charge> {
    if (charge === undefined) return this.findCharge.execute(requestNo);
    return isSettled(charge)
      ? this.tellOutcome.execute(charge, this.pauses.stopping)
      : this.settleCharge.execute(charge.requestNo);
  }
}
