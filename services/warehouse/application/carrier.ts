import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { Goods } from '../domain/shipment.ts';

/** The carrier, asked over HTTP: slow, failing, and sure of what it has once been told, by the shipment's number. */
export class Carrier {
  readonly #peer: HttpPeer;

  constructor(peer: HttpPeer) {
    this.#peer = peer;
  }

  /** Hands a parcel over. Errors: CARRIER.CANCELLED when it was cancelled before; THIRD_PARTY.UNAVAILABLE, to be asked again. */
  async handOver(parcel: {
    shipmentNo: string;
    orderNo: string;
    items: readonly Goods[];
  }): Promise<{ trackingNo: string }> {
    const { shipmentNo: requestNo, orderNo, items } = parcel;
    const answer = await this.#peer.post('/shipments', { requestNo, orderNo, items });
    const { trackingNo } = answer as { trackingNo?: unknown };
    if (typeof trackingNo === 'string' && trackingNo !== '') return { trackingNo };
    throw new DomainError(
      'THIRD_PARTY.UNAVAILABLE',
      'unavailable',
      'the carrier took the parcel and gave no tracking number',
    );
  }

  /** False when the parcel has left. From then on, or never, the carrier will take it. Errors: THIRD_PARTY.UNAVAILABLE. */
  async cancel(shipmentNo: string): Promise<boolean> {
    try {
      await this.#peer.post(`/shipments/${encodeURIComponent(shipmentNo)}/cancel`, {});
      return true;
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'conflict') return false;
      throw error;
    }
  }
}
