import { DomainError } from '../../common/errors.ts';

/**
 * Bounds how many orders are being placed at a time. With more customers than can be served, all would wait until their goods
 * are given up, and nobody would be served; so the ones too many are told at once to come back.
 */
export class PlacingLimit {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Errors: ORDER.BUSY, and nothing was done; those of `place`. */
  async within<T>(place: () => Promise<T>): Promise<T> {
    if (this.#count >= this.#max) {
      throw new DomainError(
        'ORDER.BUSY',
        'unavailable',
        `${this.#count} orders are being placed, and at most ${this.#max} are at a time; try again`,
      );
    }
    this.#count += 1;
    try {
      return await place();
    } finally {
      this.#count -= 1;
    }
  }
}
