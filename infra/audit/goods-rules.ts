import { compare, isSame, less, sumOf } from './comparison.ts';
import type { Say } from './finding.ts';
import {
  customerRefunds,
  isPaidFor,
  wholeRefund,
  type OrderFacts,
  type OrderRow,
  type Quantities,
  type Shipment,
} from './order-facts.ts';

/** Goods are reserved, then sold or let go, each once; what is refunded is back on the shelf. */
export function theStock(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { reservation, ordered, orderNo, stockMovements } = facts;
  const wanted = isPaidFor(order)
    ? 'CONFIRMED'
    : order.status === 'CANCELLED'
      ? 'RELEASED'
      : 'RESERVED';
  if (reservation === undefined) say('lost', 'reservation');
  else {
    if (reservation.status !== wanted) say('lost', `stock ${wanted} (it is ${reservation.status})`);
    if (!isSame(reservation.items, ordered)) {
      say('wrong', 'what is reserved is not what was ordered');
    }
  }
  const refunds = customerRefunds(facts);
  const refundNos = new Set(refunds.map(({ refundNo }) => refundNo));
  const moved = (kind: string, reference: string): Quantities =>
    new Map(
      stockMovements
        .filter((movement) => movement.kind === kind && movement.reference === reference)
        .map(({ sku, quantity }) => [sku, quantity]),
    );
  const expected = new Map([
    ['RESERVED', true],
    ['CONFIRMED', wanted === 'CONFIRMED'],
    ['RELEASED', wanted === 'RELEASED'],
  ]);
  for (const [kind, isExpected] of expected) {
    compare(moved(kind, orderNo), isExpected ? ordered : new Map(), `${kind} of`, say);
  }
  for (const { refundNo, completedAt, items } of refunds) {
    const restocked = moved('RESTOCKED', refundNo);
    if (completedAt !== undefined || restocked.size > 0) {
      compare(restocked, items, 'RESTOCKED of', say);
    }
  }
  for (const { kind, reference, sku, quantity } of stockMovements) {
    const isOfOrder = reference === orderNo && expected.has(kind);
    const isOfRefund = kind === 'RESTOCKED' && refundNos.has(reference);
    if (!isOfOrder && !isOfRefund) {
      say('duplicated', `${kind} of ${quantity} × ${sku} for ${reference}`);
    }
  }
}

/** A paid order is shipped as it was ordered, unless all of it was refunded before it could leave. */
export function theShipment(facts: OrderFacts, order: OrderRow, say: Say): void {
  const wanted = isPaidFor(order) ? 1 : 0;
  if (facts.shipments.length < wanted) say('lost', 'shipment');
  for (let surplus = facts.shipments.length; surplus > wanted; surplus -= 1) {
    say('duplicated', 'shipment');
  }
  const accepted = new Map(
    facts.carrierShipments
      .filter(({ status }) => status === 'ACCEPTED')
      .map(({ shipmentNo, items }) => [shipmentNo, items]),
  );
  for (const shipment of facts.shipments) {
    const parcel = accepted.get(shipment.shipmentNo);
    theParcel(facts, shipment, parcel, say);
    theNews(order, shipment, parcel !== undefined, say);
  }
  theReturns(facts, say);
}

function theParcel(
  facts: OrderFacts,
  { status, packed, content }: Shipment,
  parcel: Quantities | undefined,
  say: Say,
): void {
  if (!isSame(packed, facts.ordered)) say('wrong', 'what is packed is not what was ordered');
  const cancelled = new Set(
    facts.goodsReturns
      .filter((goods) => goods.status === 'CANCELLED')
      .map(({ refundNo }) => refundNo),
  );
  const takenOut = sumOf(
    customerRefunds(facts)
      .filter(({ refundNo }) => cancelled.has(refundNo))
      .map(({ items }) => items),
  );
  if (!isSame(content, less(packed, takenOut))) {
    say('wrong', 'what was taken out of the parcel is not what was refunded before it left');
  }
  if (parcel !== undefined && !isSame(parcel, content)) {
    say('wrong', 'the carrier has another parcel than was packed');
  }
  if (status === 'CANCELLED' && wholeRefund(facts) === 'none') {
    say('wrong', 'a shipment cancelled without a refund of everything');
  }
}

function theNews(order: OrderRow, { status }: Shipment, isOnItsWay: boolean, say: Say): void {
  if (isOnItsWay && status === 'CANCELLED')
    say('wrong', 'cancelled, and the carrier has the parcel');
  else if (isOnItsWay && status !== 'SHIPPED') say('lost', 'news that the carrier has the parcel');
  else if (status === 'REQUESTED' || status === 'HANDING_OVER') say('lost', `shipping (${status})`);
  if (status === 'SHIPPED' && !isOnItsWay) say('wrong', 'shipped, and the carrier has no parcel');
  if (status !== 'SHIPPED' && order.shippedAt !== undefined) {
    say('wrong', `the order says it was shipped, its shipment is ${status}`);
  }
  // An order that says SHIPPED without the time has heard of it.
  if (status === 'SHIPPED' && order.shippedAt === undefined && order.status !== 'SHIPPED') {
    say('lost', 'news of the shipment');
  }
}

/** The goods of every refund were taken out of the parcel or have come back. */
function theReturns(facts: OrderFacts, say: Say): void {
  const returns = new Map(facts.goodsReturns.map(({ refundNo, status }) => [refundNo, status]));
  for (const { refundNo, completedAt } of customerRefunds(facts)) {
    const status = returns.get(refundNo);
    returns.delete(refundNo);
    if (completedAt === undefined) continue;
    if (status === undefined) say('lost', `return of the goods of refund ${refundNo}`);
    if (status === 'AWAITED') {
      say('wrong', `refund ${refundNo} is completed, its goods have not come back`);
    }
  }
  for (const refundNo of returns.keys()) {
    say('duplicated', `return of goods for ${refundNo}, which is no refund`);
  }
}
