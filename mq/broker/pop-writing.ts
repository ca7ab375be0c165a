import type { AppendMessage } from '../store/message-store.ts';
import type { PopLog } from './pop-log.ts';
import type { Invisible } from './pop-queue.ts';

/** What is written about popped messages: each call is one write, and `then` is told when it is as safe as can be. */
export class PopWriting {
  readonly #log: PopLog;
  readonly #brokerName: string;

  constructor(log: PopLog, brokerName: string) {
    this.#log = log;
    this.#brokerName = brokerName;
  }

  /** Messages of one checkpoint are acknowledged. */
  ended(entries: readonly Invisible[], then: () => void): Promise<void> {
    const { reviveQid } = entries[0]!;
    return this.#log.write(reviveQid, [this.#end(entries)], false, then);
  }

  /** Messages of one pop get a checkpoint. */
  checkpointed(entries: readonly Invisible[], then: (checkpoint: number) => void): Promise<void> {
    const [{ queue, startOffset, popTime, invisibleTime, reviveQid }] = entries as [Invisible];
    const queueOffsets = entries.map(({ queueOffset }) => queueOffset);
    const message = this.#log.checkpoint(
      { ...queue.source, startOffset, popTime, invisibleTime, queueOffsets },
      this.#brokerName,
      reviveQid,
    );
    return this.#log.write(reviveQid, [message], true, ([checkpoint]) => then(checkpoint!));
  }

  /** A new checkpoint takes the place of a message's old one. */
  renewed(
    entry: Invisible,
    popTime: number,
    invisibleTime: number,
    then: (checkpoint: number) => void,
  ): Promise<void> {
    const { queue, queueOffset, startOffset, reviveQid } = entry;
    const name = { ...queue.source, startOffset: queueOffset, queueOffsets: [queueOffset] };
    const messages = [
      this.#log.checkpoint({ ...name, popTime, invisibleTime }, this.#brokerName, reviveQid),
    ];
    // Under the same name it would end the new one.
    const isSameName = startOffset === queueOffset && entry.popTime === popTime;
    if (!isSameName) messages.push(this.#end([entry]));
    return this.#log.write(reviveQid, messages, true, ([checkpoint]) => then(checkpoint!));
  }

  /** A message comes again as a copy. */
  copied(entry: Invisible, copy: AppendMessage, then: () => void): Promise<void> {
    const messages = entry.checkpoint === undefined ? [copy] : [copy, this.#end([entry])];
    return this.#log.write(entry.reviveQid, messages, true, then);
  }

  #end(entries: readonly Invisible[]): AppendMessage {
    const [{ queue, startOffset, popTime, invisibleTime, reviveQid }] = entries as [Invisible];
    const queueOffsets = entries.map(({ queueOffset }) => queueOffset);
    const name = { ...queue.source, startOffset, popTime, queueOffsets };
    return this.#log.end(name, this.#brokerName, reviveQid, invisibleTime);
  }
}
