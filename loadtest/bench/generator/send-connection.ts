import { ReplyReader, type FrameView } from './frames.ts';
import { LeanSocket, type BrokerAddress } from './lean-socket.ts';
import { SendRing, type SendShape } from './send-ring.ts';

export interface Replies {
  /** A send was answered: `code` 0 is success. `dueMs` is what `send` was given for it. */
  onReply(code: number, dueMs: number): void;
  /** All replies of one read were told: now it is worth writing. */
  onReadEnd(connection: SendConnection): void;
}

/** Sends on one connection: as many at once as its ring has slots. */
export class SendConnection {
  readonly #ring: SendRing;
  readonly #replies: Replies;
  readonly #reader = new ReplyReader();
  readonly #dueMs: Float64Array;
  readonly #isBusy: Uint8Array;
  #socket: LeanSocket | undefined;
  #next = 0;
  #inFlight = 0;

  constructor(
    shape: SendShape,
    slots: { count: number; first: number; step: number },
    replies: Replies,
  ) {
    this.#ring = new SendRing(shape, slots.count, slots);
    this.#replies = replies;
    this.#dueMs = new Float64Array(this.#ring.slotCount);
    this.#isBusy = new Uint8Array(this.#ring.slotCount);
  }

  /** Once, before anything is sent. `failed` rejects when the connection ends before `close()`. */
  async open(address: BrokerAddress): Promise<{ failed: Promise<never> }> {
    this.#socket = await LeanSocket.open(
      address,
      (frame) => this.#onFrame(frame),
      () => this.#replies.onReadEnd(this),
    );
    return this.#socket;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sends the next `count` frames, fewer when the next slot still waits for its reply, and returns how many. */
  send(count: number, dueMs: number): number {
    let sent = 0;
    while (sent < count) {
      const from = this.#next;
      const end = Math.min(from + count - sent, this.#ring.slotCount);
      let to = from;
      while (to < end && this.#isBusy[to] === 0) this.#take(to++, dueMs);
      if (to === from) break;
      this.#socket!.write(this.#ring.frames(from, to));
      sent += to - from;
      this.#next = to === this.#ring.slotCount ? 0 : to;
    }
    return sent;
  }

  /** Sends one message whose body begins with `dueMs`. False: its slot still waits for a reply. */
  sendStamped(dueMs: number): boolean {
    if (this.#isBusy[this.#next] !== 0) return false;
    this.#ring.stamp(this.#next, dueMs);
    return this.send(1, dueMs) === 1;
  }

  close(): void {
    this.#socket?.close();
  }

  #take(slot: number, dueMs: number): void {
    this.#isBusy[slot] = 1;
    this.#dueMs[slot] = dueMs;
    this.#inFlight += 1;
    this.#ring.renew(slot);
  }

  #onFrame(frame: FrameView): void {
    const slot = this.#ring.slotOf(this.#reader.opaqueOf(frame));
    // A broker may ask something of its clients at any time; a generator has nothing to answer.
    if (slot === undefined || this.#isBusy[slot] === 0) return;
    this.#isBusy[slot] = 0;
    this.#inFlight -= 1;
    this.#replies.onReply(this.#reader.codeOf(frame), this.#dueMs[slot]!);
  }
}
