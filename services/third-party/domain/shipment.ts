import { DomainError } from '../../common/errors.ts';
import { newReference } from './reference.ts';

export const MAX_SHIPMENT_ITEMS = 100;

export interface ShipmentItem {
  sku: string;
  quantity: number;
}

export interface ShipmentRequest {
  requestNo: string;
  orderNo: string;
  items: readonly ShipmentItem[];
}

/** ACCEPTED is gone with the van, CANCELLED never leaves: neither becomes the other. */
export type ShipmentStatus = 'ACCEPTED' | 'CANCELLED';

export interface Shipment {
  requestNo: string;
  status: ShipmentStatus;
  /** Null of one that was cancelled before it came. */
  trackingNo: string | null;
  orderNo: string | null;
  /** As JSON, in one way of writing, so that two requests can be compared. */
  items: string;
  acceptedAt: Date;
}

export function acceptShipment(request: ShipmentRequest, acceptedAt: Date): Shipment {
  return {
    requestNo: request.requestNo,
    status: 'ACCEPTED',
    trackingNo: newReference('TRK'),
    orderNo: request.orderNo,
    items: canonical(request.items),
    acceptedAt,
  };
}

/** Stands for a shipment nobody has asked for yet, so that it never leaves. */
export function cancelledShipment(requestNo: string, cancelledAt: Date): Shipment {
  return {
    requestNo,
    status: 'CANCELLED',
    trackingNo: null,
    orderNo: null,
    items: '[]',
    acceptedAt: cancelledAt,
  };
}

/** Errors: CARRIER.CANCELLED, CARRIER.REQUEST_REUSED. */
export function checkRepeatedShipment(known: Shipment, request: ShipmentRequest): void {
  const { requestNo } = known;
  if (known.status === 'CANCELLED') {
    throw new DomainError('CARRIER.CANCELLED', 'conflict', `shipment ${requestNo} was cancelled`);
  }
  if (known.orderNo !== request.orderNo || known.items !== canonical(request.items)) {
    throw new DomainError(
      'CARRIER.REQUEST_REUSED',
      'conflict',
      `shipment ${requestNo} is of order ${known.orderNo} and other content`,
    );
  }
}

/** Errors: CARRIER.SHIPPED when it has left. */
export function checkCancellable(shipment: Shipment): void {
  if (shipment.status === 'CANCELLED') return;
  throw new DomainError(
    'CARRIER.SHIPPED',
    'conflict',
    `shipment ${shipment.requestNo} has left as ${shipment.trackingNo} and cannot be cancelled`,
  );
}

function canonical(items: readonly ShipmentItem[]): string {
  return JSON.stringify(items.map(({ sku, quantity }) => ({ sku, quantity })));
}
