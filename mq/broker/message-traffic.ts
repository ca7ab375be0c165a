import { dlqTopic, isDlqTopic } from '../protocol/names.ts';

export interface Amount {
  messages: number;
  bytes: number;
}

/**
 * Counts of messages since the broker started, by topic and group: additions where messages pass anyway, read when somebody
 * asks. Names are those of topics and groups that exist, so peers cannot make it grow: what is deleted is forgotten.
 */
export class MessageTraffic {
  /** By topic. */
  readonly stored = new Map<string, Amount>();
  /** By topic, then group. */
  readonly handedOut = new Map<string, Map<string, Amount>>();
  /** Ended transactions, by topic. */
  readonly committed = new Map<string, number>();
  readonly rolledBack = new Map<string, number>();

  noteStored(topic: string, bytes: number): void {
    const amount = this.stored.get(topic);
    if (amount === undefined) {
      this.stored.set(topic, { messages: 1, bytes });
      return;
    }
    amount.messages++;
    amount.bytes += bytes;
  }

  noteHandedOut(topic: string, group: string, messages: number, bytes: number): void {
    if (messages === 0) return;
    let groups = this.handedOut.get(topic);
    if (groups === undefined) this.handedOut.set(topic, (groups = new Map()));
    const amount = groups.get(group);
    if (amount === undefined) {
      groups.set(group, { messages, bytes });
      return;
    }
    amount.messages += messages;
    amount.bytes += bytes;
  }

  noteEnded(topic: string, isCommitted: boolean): void {
    const counts = isCommitted ? this.committed : this.rolledBack;
    counts.set(topic, (counts.get(topic) ?? 0) + 1);
  }

  topicDeleted(topic: string): void {
    for (const counts of [this.stored, this.handedOut, this.committed, this.rolledBack]) {
      counts.delete(topic);
    }
  }

  groupDeleted(group: string): void {
    for (const [topic, groups] of this.handedOut) {
      if (groups.delete(group) && groups.size === 0) this.handedOut.delete(topic);
    }
  }

  /** Messages that became dead letters, by group. */
  *deadLetters(): Iterable<[group: string, messages: number]> {
    for (const [topic, { messages }] of this.stored) {
      if (isDlqTopic(topic)) yield [topic.slice(dlqTopic('').length), messages];
    }
  }
}
