import { DomainError } from '../../common/errors.ts';
import { decideMove, type ShipmentStatus } from './shipment-status.ts';

export interface ShipmentItem {
  sku: string;
  quantity: number;
  /** How many of them were taken out again before the parcel left. */
  cancelledQuantity: number;
}

export interface Shipment {
  shipmentNo: string;
  orderNo: string;
  status: ShipmentStatus;
  items: readonly ShipmentItem[];
  trackingNo?: string;
  requestedAt: Date;
  shippedAt?: Date;
}

export interface Goods {
  sku: string;
  quantity: number;
}

/** What the parcel holds, or will hold. */
export function contentOf(shipment: Shipment): Goods[] {
  return shipment.items
    .map(({ sku, quantity, cancelledQuantity }) => ({ sku, quantity: quantity - cancelledQuantity }))
    .filter(({ quantity }) => quantity > 0);
}

export function isAllOf(shipment: Shipment, goods: readonly Goods[]): boolean {
  const wanted = new Map(goods.map(({ sku, quantity }) => [sku, quantity]));
  return contentOf(shipment).every(({ sku, quantity }) => (wanted.get(sku) ?? 0) >= quantity);
}

/**
 * Takes goods out of a parcel that has not left. An empty parcel is cancelled.
 *
 * Errors: WAREHOUSE.NOT_IN_PARCEL with both numbers; WAREHOUSE.ILLEGAL_MOVE when it has left.
 */
export function takeOut(shipment: Shipment, goods: readonly Goods[]): Shipment {
  const wanted = new Map(goods.map(({ sku, quantity }) => [sku, quantity]));
  const items = shipment.items.map((item): ShipmentItem => {
    const quantity = wanted.get(item.sku) ?? 0;
    wanted.delete(item.sku);
    const left = item.quantity - item.cancelledQuantity;
    if (quantity > left) throw notInParcel(shipment, item.sku, quantity, left);
    return { ...item, cancelledQuantity: item.cancelledQuantity + quantity };
  });
  for (const [sku, quantity] of wanted) throw notInParcel(shipment, sku, quantity, 0);
  const changed = { ...shipment, items };
  if (contentOf(changed).length > 0) return changed;
  decideMove(shipment.shipmentNo, shipment.status, 'CANCELLED');
  return { ...changed, status: 'CANCELLED' };
}

function notInParcel(
  { shipmentNo }: Shipment,
  sku: string,
  quantity: number,
  left: number,
): DomainError {
  return new DomainError(
    'WAREHOUSE.NOT_IN_PARCEL',
    'invalid',
    `${quantity} of ${sku} are to be taken out of shipment ${shipmentNo}, which holds ${left}`,
  );
}
