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

/** As the carrier and the tables take it. */
const skuPattern = /^[\x21-\x7e]{1,64}$/;
const MAX_QUANTITY = 2 ** 31 - 1;

/**
 * The parcel of a paid order, one entry for each sku.
 *
 * Errors: WAREHOUSE.NOT_PACKABLE for a sku or a quantity that no warehouse holds.
 */
export function packParcel(
  facts: Pick<Shipment, 'shipmentNo' | 'orderNo' | 'requestedAt'>,
  goods: readonly Goods[],
): Shipment {
  const items = [...quantitiesOf(goods)].map(([sku, quantity]): ShipmentItem => {
    if (!skuPattern.test(sku)) {
      throw notPackable(facts.orderNo, 'a sku is not 1 to 64 visible ASCII characters');
    }
    if (quantity > MAX_QUANTITY) {
      throw notPackable(facts.orderNo, `${quantity} of ${sku} are more than ${MAX_QUANTITY}`);
    }
    return { sku, quantity, cancelledQuantity: 0 };
  });
  return { ...facts, status: 'REQUESTED', items };
}

/** What the parcel holds, or will hold. From HANDING_OVER on the carrier has been told, and it stays the same. */
export function contentOf(shipment: Shipment): Goods[] {
  return shipment.items
    .map(({ sku, quantity, cancelledQuantity }) => ({
      sku,
      quantity: quantity - cancelledQuantity,
    }))
    .filter(({ quantity }) => quantity > 0);
}

/** Are these goods what the parcel holds, no more and no less? */
export function isAllOf(shipment: Shipment, goods: readonly Goods[]): boolean {
  const content = quantitiesOf(contentOf(shipment));
  const wanted = quantitiesOf(goods);
  return (
    wanted.size === content.size &&
    [...wanted].every(([sku, quantity]) => content.get(sku) === quantity)
  );
}

/**
 * Why these goods cannot come back, or undefined when they can: of a sku more than the parcel holds, less what is on its
 * way back already.
 */
export function excessOf(
  shipment: Shipment,
  goods: readonly Goods[],
  returned: readonly Goods[] = [],
): string | undefined {
  const held = quantitiesOf(contentOf(shipment));
  for (const { sku, quantity } of returned) held.set(sku, (held.get(sku) ?? 0) - quantity);
  const excess = [...quantitiesOf(goods)].find(
    ([sku, quantity]) => quantity > (held.get(sku) ?? 0),
  );
  if (excess === undefined) return undefined;
  const [sku, quantity] = excess;
  return `${quantity} of ${sku} cannot come back, ${held.get(sku) ?? 0} are there (${shipment.status})`;
}

/**
 * Takes goods out of a parcel that has not left. An empty parcel is cancelled. Of one that is being handed over only all can
 * be taken, by who has the carrier's word that it will not leave.
 *
 * Errors: WAREHOUSE.NOT_IN_PARCEL with both numbers; WAREHOUSE.ILLEGAL_MOVE when it has left; WAREHOUSE.LEAVING.
 */
export function takeOut(shipment: Shipment, goods: readonly Goods[]): Shipment {
  const { shipmentNo, status } = shipment;
  // Also of a part: what has left cannot be opened any more.
  decideMove(shipmentNo, status, 'CANCELLED');
  const excess = excessOf(shipment, goods);
  if (excess !== undefined) throw new DomainError('WAREHOUSE.NOT_IN_PARCEL', 'invalid', excess);
  const wanted = quantitiesOf(goods);
  const items = shipment.items.map((item): ShipmentItem => ({
    ...item,
    cancelledQuantity: item.cancelledQuantity + (wanted.get(item.sku) ?? 0),
  }));
  const changed = { ...shipment, items };
  if (contentOf(changed).length === 0) return { ...changed, status: 'CANCELLED' };
  if (status === 'HANDING_OVER') throw leaving(shipment);
  return changed;
}

/** Nobody knows yet whether it has left; soon somebody will. */
export function leaving({ shipmentNo, status }: Shipment): DomainError {
  return new DomainError(
    'WAREHOUSE.LEAVING',
    'unavailable',
    `shipment ${shipmentNo} is ${status}: what is in it can be waited for when it has left`,
  );
}

function quantitiesOf(goods: readonly Goods[]): Map<string, number> {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of goods) {
    quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  }
  return quantities;
}

function notPackable(orderNo: string, reason: string): DomainError {
  return new DomainError(
    'WAREHOUSE.NOT_PACKABLE',
    'invalid',
    `order ${orderNo} cannot be packed: ${reason}`,
  );
}
