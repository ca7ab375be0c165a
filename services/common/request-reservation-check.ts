import { RESERVATION_CHECK, type ReservationCheck } from '../contracts/reservation-check.ts';
import type { Spool } from './spool.ts';

/** Sends the message that will look after what is set aside for an order. One that finds nothing is no harm. */
export class RequestReservationCheck {
  readonly #spool: Spool;
  readonly #tag: ReservationCheck['type'];
  readonly #delayMs: number;

  /** `delayMs`: how long after that the order service is asked whether the order came to be. */
  constructor(spool: Spool, tag: ReservationCheck['type'], delayMs: number) {
    this.#spool = spool;
    this.#tag = tag;
    this.#delayMs = delayMs;
  }

  async execute(orderNo: string, transactionKey: string, now: Date): Promise<void> {
    const payload: Omit<ReservationCheck, 'eventId'> = { type: this.#tag, orderNo, transactionKey };
    await this.#spool.send({
      topic: RESERVATION_CHECK,
      tag: this.#tag,
      key: orderNo,
      payload,
      createdAt: now,
      deliverAt: new Date(now.getTime() + this.#delayMs),
    });
  }
}
