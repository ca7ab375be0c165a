import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import { Polling } from '../../../mq/client/polling.ts';
import { QueueOffsets } from '../../../mq/client/queue-offsets.ts';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import type { AssignmentChange } from '../../../mq/client/assignment.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import type { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedProcess } from './simulated-process.ts';

export interface PullerWitness {
  handedOut(member: SimulatedPuller, message: ConsumedMessage): void;
  polls(member: SimulatedPuller): void;
  changed(member: SimulatedPuller, change: AssignmentChange): void;
  /** Called before each report of progress leaves. */
  reports(member: SimulatedPuller, queue: MessageQueue, queueOffset: number): void;
}

/** A member that pulls, with the real polling on the simulated network. */
export class SimulatedPuller extends SimulatedProcess {
  readonly polling: Polling;
  readonly #witness: PullerWitness;

  constructor(
    name: string,
    clock: FakeClock,
    brokers: readonly SimulatedBroker[],
    witness: PullerWitness,
    autoCommit: boolean,
  ) {
    super(name, clock, brokers, {
      pulling: {
        limits: { maxCount: 8, maxBytes: 1_000_000, maxSpan: 2000 },
        pullBatchSize: 8,
        isLite: true,
        settlesStart: autoCommit,
        isFull: () => this.polling.isFull,
      },
      submit: (deliveries) => this.polling.submit(deliveries),
      ordering: () => undefined,
      onChange: (change) => {
        this.polling.assignmentChanged(change);
        this.#witness.changed(this, change);
      },
    });
    this.#witness = witness;
    const addressOf = async ({ brokerName }: MessageQueue): Promise<string> =>
      brokers.find((broker) => broker.brokerName === brokerName)!.address;
    this.polling = new Polling({
      autoCommit,
      autoCommitIntervalMs: 5_000,
      maxCount: 8,
      timeoutMs: 5_000,
      maxPrefetchedCount: 12,
      assignment: this.assignment,
      offsets: new QueueOffsets(this.client, addressOf),
      clock: this,
    });
  }

  /** As the application's loop does. */
  async poll(maxCount: number, timeoutMs: number): Promise<ConsumedMessage[]> {
    this.#witness.polls(this);
    const messages = await this.polling.next({ maxCount, timeoutMs });
    // Told in the order they were handed out: nothing else runs in between.
    for (const message of messages) this.#witness.handedOut(this, message);
    return messages;
  }

  override persist(): void {
    super.persist();
    this.polling.reported();
  }

  protected override async finish(): Promise<void> {
    this.polling.end();
  }

  protected override sends(
    to: SimulatedBroker,
    code: number,
    values: Record<string, unknown>,
  ): void {
    if (code !== RequestCode.UPDATE_CONSUMER_OFFSET) return;
    const queue = to.queues.find(({ queueId }) => queueId === values['queueId'])!;
    this.#witness.reports(this, queue, values['commitOffset'] as number);
  }
}
