import type { MessageExt } from '../../mq/protocol/message.ts';

interface Promised {
  body: string;
  commitLogOffset: number;
  /** It was said to be on the disk, not in the page cache only. */
  isFlushed: boolean;
}

type Place = Pick<MessageExt, 'queueOffset' | 'commitLogOffset'>;

/** What a store has promised of one queue, by queueOffset. */
type Queue = Map<number, Promised>;

/**
 * What a store has promised, and what it may show besides: a message that was sent and never answered may be there or
 * not, one that was refused may not; over a power cut its bytes, which were taken back, may return.
 */
export class StoreModel {
  readonly #queues = new Map<string, Queue>();
  readonly #sent = new Set<string>();
  readonly #refused = new Set<string>();
  /** Of the refused ones those whose bytes may have been written first. */
  readonly #takenBack = new Set<string>();
  /** Two messages that were promised one place. */
  readonly #clashes: string[] = [];

  noteSent(body: string): void {
    this.#sent.add(body);
  }

  /** Refused before it had a place: nobody may ever see it. */
  noteRefused(body: string): void {
    this.#refused.add(body);
  }

  /** Refused after a write came to nothing on a full disk: nobody may see it while there is power. */
  noteTakenBack(body: string): void {
    this.#refused.add(body);
    this.#takenBack.add(body);
  }

  promise(queue: string, place: Place, body: string, isFlushed: boolean): void {
    const { queueOffset, commitLogOffset } = place;
    const before = this.#queue(queue).get(queueOffset);
    if (before !== undefined && before.body !== body) {
      this.#clashes.push(
        `${queue}:${queueOffset} was promised to ${start(before.body)} and ${start(body)}`,
      );
    }
    this.#queue(queue).set(queueOffset, {
      body,
      commitLogOffset,
      isFlushed: isFlushed || before?.isFlushed === true,
    });
  }

  /** Takes all that is promised now, to be called when it was flushed. */
  flushing(): () => void {
    const written = Array.from(this.#queues.values(), (queue) => Array.from(queue.values())).flat();
    return () => {
      for (const promised of written) promised.isFlushed = true;
    };
  }

  losePower(): void {
    for (const body of this.#takenBack) this.#refused.delete(body);
    this.#takenBack.clear();
    for (const queue of this.#queues.values()) {
      for (const [queueOffset, { isFlushed }] of queue) if (!isFlushed) queue.delete(queueOffset);
    }
  }

  /** The queue was deleted, or may have been. */
  forget(queue: string): void {
    this.#queues.delete(queue);
  }

  /** Retention has removed the log up to here. */
  forgetBefore(minCommitLogOffset: number): void {
    for (const queue of this.#queues.values()) {
      for (const [queueOffset, { commitLogOffset }] of queue) {
        if (commitLogOffset < minCommitLogOffset) queue.delete(queueOffset);
      }
    }
  }

  promised(queue: string): number {
    return this.#queue(queue).size;
  }

  wasRefused(body: string): boolean {
    return this.#refused.has(body);
  }

  /** What is wrong with what a queue shows from its first message on. */
  wrongIn(queue: string, minOffset: number, visible: readonly MessageExt[]): string[] {
    const wrong = this.#clashes.splice(0);
    const bodies = new Set<string>();
    for (const [index, { queueOffset, body: bytes }] of visible.entries()) {
      const body = bytes.toString();
      const place = `${queue}:${queueOffset}`;
      if (queueOffset !== minOffset + index) wrong.push(`${place} is not ${minOffset + index}`);
      if (!this.#sent.has(body)) wrong.push(`${place} was never sent: ${start(body)}`);
      if (this.#refused.has(body)) wrong.push(`${place} was refused: ${start(body)}`);
      if (bodies.has(body)) wrong.push(`${place} is there twice: ${start(body)}`);
      bodies.add(body);
    }
    for (const [queueOffset, { body }] of this.#queue(queue)) {
      const found = visible[queueOffset - minOffset]?.body.toString();
      if (found === body) continue;
      const instead = found === undefined ? 'nothing' : start(found);
      wrong.push(`${queue}:${queueOffset} is ${instead}, promised was ${start(body)}`);
    }
    return wrong;
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new Map();
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

function start(body: string): string {
  return body.slice(0, 8).replaceAll('.', '');
}
