import { Injectable } from '@nestjs/common';
import { Log } from '../../common/log.ts';
import { Misbehaviour } from '../application/misbehaviour.ts';
import { Pauses } from '../application/pauses.ts';

/** How long a client is left waiting for an answer that is not to come. */
const HOLD_MS = 60_000;

/** Connections held at once; whoever comes on top is hung up on without a wait. */
const MAX_HELD = 1_000;

/** The part of a Fastify reply that losing it needs. */
export interface LosableReply {
  raw: { once(event: 'close', listener: () => void): unknown; destroy(): unknown };
}

/** Loses answers to what has been done, as often as the settings say: the client never hears, until it gives up. */
@Injectable()
export class LostAnswers {
  #heldCount = 0;

  constructor(
    private readonly misbehaviour: Misbehaviour,
    private readonly pauses: Pauses,
    private readonly log: Log,
  ) {}

  /** Comes back when the answer may be sent; when it was lost, there is no connection to send it on any more. */
  async maybeLose(
    of: 'channel' | 'carrier',
    requestNo: string,
    reply: LosableReply,
  ): Promise<void> {
    if (!this.misbehaviour.losesAnswer(of)) return;
    this.log.info('answer lost, as it was told to', { of, requestNo });
    if (this.#heldCount < MAX_HELD) {
      this.#heldCount++;
      await this.pauses.wait(HOLD_MS, (cutShort) => reply.raw.once('close', cutShort));
      this.#heldCount--;
    }
    reply.raw.destroy();
  }
}
