import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { Goods } from '../domain/shipment.ts';

/** What the others can use as a tracking number: it goes into a message and a column. */
const trackingNoPattern = /^[\x21-\x7e]{1,64}$/;

/** The carrier, asked over HTTP: slow, failing, and sure of what it has once been told, by the shipment's number. */
export class Carrier {
  readonly #peer: HttpPeer;

  constructor(peer: HttpPeer) {
    this.#peer = peer;
  }

  /**
   * Hands a parcel over; undefined when it was cancelled before.
   *
   * Errors: THIRD_PARTY.UNAVAILABLE, to be asked again; CARRIER.REFUSED when it will never take this parcel.
   */
  async handOver(parcel: {
    shipmentNo: string;
    orderNo: string;
    items: readonly Goods[];
  }): Promise<{ trackingNo: string } | undefined> {
    const { shipmentNo: requestNo, orderNo, items } = parcel;
    const answer = await this.#ask('/shipments', { requestNo, orderNo, items });
    if (answer instanceof DomainError) {
      if (answer.code === 'CARRIER.CANCELLED') return undefined;
      // Not a fact that has been overtaken: somebody must look at it, and the parcel must not be forgotten.
      const reason = `the carrier does not take shipment ${requestNo}: ${answer.message}`;
      throw new DomainError('CARRIER.REFUSED', 'invalid', reason, { cause: answer });
    }
    const { trackingNo } = (answer ?? {}) as { trackingNo?: unknown };
    if (typeof trackingNo === 'string' && trackingNoPattern.test(trackingNo)) return { trackingNo };
    throw unavailable('took the parcel and gave no tracking number');
  }

  /** False when the parcel has left; true when the carrier will never take it from now on. Errors: THIRD_PARTY.UNAVAILABLE. */
  async cancel(shipmentNo: string): Promise<boolean> {
    const path = `/shipments/${encodeURIComponent(shipmentNo)}/cancel`;
    return !((await this.#ask(path, {})) instanceof DomainError);
  }

  /** The answer, or the refusal when it is a conflict. */
  async #ask(path: string, body: object): Promise<unknown> {
    try {
      return await this.#peer.post(path, body);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.kind === 'conflict') return error;
      // A carrier without this path is one that is not set up yet, not a parcel that does not exist.
      if (error.kind === 'not_found') throw unavailable(`does not know ${path}`, error);
      throw error;
    }
  }
}

function unavailable(what: string, cause?: unknown): DomainError {
  return new DomainError('THIRD_PARTY.UNAVAILABLE', 'unavailable', `the carrier ${what}`, {
    cause,
  });
}
