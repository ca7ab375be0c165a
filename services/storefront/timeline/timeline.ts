import { DomainError } from '../../common/errors.ts';
import { formatMoney } from '../../common/money.ts';
import { FLASH_ORDERS, FLASH_ORDERS_TAG } from '../../contracts/flash-orders.ts';
import { NOTIFICATION_EVENTS, NotificationEventTag } from '../../contracts/notification-events.ts';
import { ORDER_EVENTS, OrderEventTag } from '../../contracts/order-events.ts';
import { PAYMENT_EVENTS, PaymentEventTag } from '../../contracts/payment-events.ts';
import { REFUND_COMPLETED, REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import {
  parseRefundStepResult,
  REFUND_STEP_RESULTS,
  RefundStepResultTag,
} from '../../contracts/refund-step-results.ts';
import { WAREHOUSE_EVENTS, WarehouseEventTag } from '../../contracts/warehouse-events.ts';
import type { OrderEvent, TimelineEntry } from '../live/live-events.ts';
import type { OrderFacts } from './order-facts.ts';
import type { OrderMessage } from './order-messages.ts';

/** Something a service says of the order, and the message that tells of it. */
interface Happening {
  readonly atMs: number;
  readonly service: string;
  readonly what: string;
  readonly toldBy?: readonly [topic: string, tag: string];
  readonly isProblem?: true;
}

/** A word of each service that takes a step of a refund, for people. */
const refundSteps: Readonly<Record<RefundStep, { service: string; asked: string; done: string }>> =
  {
    ReturnGoods: {
      service: 'warehouse',
      asked: 'The warehouse is asked for the goods',
      done: 'The goods are in the warehouse',
    },
    Restock: {
      service: 'stock',
      asked: 'Stock is asked to put the goods back on the shelf',
      done: 'The goods are back on the shelf',
    },
    DeductPoints: {
      service: 'points',
      asked: 'Points is asked to take back what the order has earned',
      done: 'The points are taken back',
    },
    RecallCoupon: {
      service: 'coupon',
      asked: 'Coupon is asked to recall what the order has earned',
      done: 'Coupon and red packet are settled',
    },
    ReturnMoney: {
      service: 'payment',
      asked: 'Payment is asked to give the money back',
      done: 'The money is on its way back',
    },
  };

/**
 * The timeline of an order, from what the services say of it and the messages that carry its number. A fact and the message that
 * tells of it are one entry; messages that tell of nothing else are entries of their own.
 */
export function timelineOf(
  orderNo: string,
  facts: OrderFacts,
  messages: readonly OrderMessage[],
): OrderEvent {
  const free = messages.toSorted((a, b) => a.atMs - b.atMs);
  const take = ([topic, tag]: readonly [string, string]): OrderMessage | undefined => {
    const index = free.findIndex((each) => each.topic === topic && each.tag === tag);
    return index < 0 ? undefined : free.splice(index, 1)[0];
  };
  const told = happeningsOf(facts)
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((happening) => {
      const message = happening.toldBy && take(happening.toldBy);
      return { atMs: happening.atMs, entry: entryOf(happening, message) };
    });
  // A message that came twice is one event.
  const rest = [...new Map(free.map((each) => [each.messageId + each.topic, each])).values()];
  const alone = rest.map((message) => {
    const happening = happeningOf(message);
    return { atMs: happening.atMs, entry: entryOf(happening, message) };
  });
  const { order } = facts;
  return {
    orderNo,
    status: order === undefined || order === 'not there' ? 'UNKNOWN' : order.status,
    entries: [...told, ...alone].toSorted((a, b) => a.atMs - b.atMs).map(({ entry }) => entry),
  };
}

function entryOf(
  { atMs, service, what, isProblem }: Happening,
  message: OrderMessage | undefined,
): TimelineEntry {
  return {
    at: new Date(atMs).toISOString(),
    service,
    what,
    ...(message && { topic: message.topic, tag: message.tag, messageId: message.messageId }),
    ...(isProblem && { isProblem }),
  };
}

function happeningsOf(facts: OrderFacts): Happening[] {
  return [
    // In the same millisecond the cause comes first: the order takes over what payment and warehouse tell it.
    ...paymentHappenings(facts),
    ...shipmentHappenings(facts),
    ...orderHappenings(facts),
    ...rewardHappenings(facts),
    ...(facts.notifications ?? []).map(({ text, recordedAt, deliveredAt }): Happening => ({
      atMs: Date.parse(deliveredAt ?? recordedAt),
      service: 'push',
      what: deliveredAt === undefined ? `To be told: ${text}` : `The customer is told: ${text}`,
      toldBy: [NOTIFICATION_EVENTS, NotificationEventTag.Recorded],
    })),
  ];
}

function orderHappenings({ order, refunds = [] }: OrderFacts): Happening[] {
  if (order === undefined || order === 'not there') return [];
  const { currency } = order;
  const at = (
    time: string | undefined,
    what: string,
    tag: OrderEventTag,
    isProblem?: true,
  ): Happening[] =>
    time === undefined
      ? []
      : [
          {
            atMs: Date.parse(time),
            service: 'order',
            what,
            toldBy: [ORDER_EVENTS, tag],
            ...(isProblem && { isProblem }),
          },
        ];
  return [
    ...at(
      order.placedAt,
      `The order is placed: ${formatMoney(order.totalMinor, currency)}`,
      OrderEventTag.Created,
    ),
    ...at(order.paidAt, 'The order is paid', OrderEventTag.Paid),
    ...at(
      order.closedAt,
      'The order is closed, for nobody paid in time; its goods are free again',
      OrderEventTag.Closed,
      true,
    ),
    ...at(order.shippedAt, 'The order is on its way', OrderEventTag.Shipped),
    ...refunds.flatMap(({ reason, amountMinor, requestedAt, completedAt }) => {
      const amount = formatMoney(amountMinor, currency);
      return reason === 'LATE_PAYMENT'
        ? at(
            requestedAt,
            `Paid after it was closed: ${amount} goes back`,
            OrderEventTag.PaidTooLate,
            true,
          )
        : [
            ...at(requestedAt, `A refund of ${amount} begins`, OrderEventTag.RefundRequested),
            ...at(completedAt, `The refund of ${amount} is through`, OrderEventTag.Refunded),
          ];
    }),
  ];
}

function paymentHappenings({ payments = [] }: OrderFacts): Happening[] {
  return payments.flatMap(({ status, amountMinor, currency, createdAt, settledAt, failure }) => {
    const asked: Happening = {
      atMs: Date.parse(createdAt),
      service: 'payment',
      what: `A payment of ${formatMoney(amountMinor, currency)} is asked for`,
      toldBy: [PAYMENT_EVENTS, PaymentEventTag.Requested],
    };
    if (settledAt === undefined) return [asked];
    const atMs = Date.parse(settledAt);
    const settled: Happening =
      status === 'FAILED'
        ? {
            atMs,
            service: 'payment',
            what: `The payment failed: ${failure ?? 'the channel gave no reason'}`,
            toldBy: [PAYMENT_EVENTS, PaymentEventTag.Failed],
            isProblem: true,
          }
        : {
            atMs,
            service: 'payment',
            what: 'The payment channel says: paid',
            toldBy: [PAYMENT_EVENTS, PaymentEventTag.Succeeded],
          };
    return [asked, settled];
  });
}

function rewardHappenings({ coupons = [], redPackets = [], points = [] }: OrderFacts): Happening[] {
  const issued =
    (name: string) =>
    ({ amountMinor, currency, issuedAt }: (typeof coupons)[number]): Happening => ({
      atMs: Date.parse(issuedAt),
      service: 'coupon',
      what: `${name} of ${formatMoney(amountMinor, currency)} is issued`,
    });
  return [
    ...coupons.map(issued('A coupon')),
    ...redPackets.map(issued('A red packet')),
    ...points.map((movement): Happening => {
      const count = Math.abs(movement.points);
      return {
        atMs: Date.parse(movement.occurredAt),
        service: 'points',
        what:
          movement.kind === 'DEDUCTED'
            ? `${count} points are taken back`
            : `${count} points are earned`,
      };
    }),
  ];
}

function shipmentHappenings({ shipments = [] }: OrderFacts): Happening[] {
  return shipments.flatMap(({ status, requestedAt, shippedAt, trackingNo, returns }) => [
    {
      atMs: Date.parse(requestedAt),
      service: 'warehouse',
      what:
        status === 'CANCELLED'
          ? 'A parcel was to be packed; it is cancelled'
          : 'The parcel is being packed',
      toldBy: [WAREHOUSE_EVENTS, WarehouseEventTag.ShipmentRequested],
    } satisfies Happening,
    ...(shippedAt === undefined
      ? []
      : [
          {
            atMs: Date.parse(shippedAt),
            service: 'warehouse',
            what: `The carrier has the parcel: ${trackingNo ?? 'no number yet'}`,
            toldBy: [WAREHOUSE_EVENTS, WarehouseEventTag.Shipped],
          } satisfies Happening,
        ]),
    ...returns.map((goods): Happening => ({
      atMs: Date.parse(goods.requestedAt),
      service: 'warehouse',
      what: returnText(goods.status),
    })),
  ]);
}

function returnText(status: string): string {
  if (status === 'AWAITED') return 'The warehouse waits for the goods to come back';
  return status === 'RECEIVED'
    ? 'The goods were waited for, and came back'
    : 'The goods had not left: they are taken out of the parcel';
}

/** What a message tells by itself. */
function happeningOf(message: OrderMessage): Happening {
  const { topic, tag, atMs, deadLetterReason } = message;
  if (deadLetterReason !== undefined) {
    return {
      atMs,
      service: 'coupon',
      what: `The coupon cannot be issued just now (${deadLetterReason}); it is tried again`,
      isProblem: true,
    };
  }
  if (topic === FLASH_ORDERS && tag === FLASH_ORDERS_TAG) {
    return {
      atMs,
      service: 'flashsale',
      what: 'A piece of the flash sale is won; the ticket waits',
    };
  }
  if (topic === REFUND_EVENTS && Object.hasOwn(refundSteps, tag)) {
    return { atMs, service: 'refund', what: refundSteps[tag as RefundStep].asked };
  }
  if (topic === REFUND_EVENTS && tag === REFUND_COMPLETED) {
    return { atMs, service: 'refund', what: 'All steps of the refund are done' };
  }
  if (topic === REFUND_STEP_RESULTS) return stepResult(message);
  return { atMs, service: senders[topic] ?? topic, what: `${topic} ${tag}` };
}

/** For messages whose fact cannot be asked for just now. */
const senders: Readonly<Record<string, string>> = {
  [ORDER_EVENTS]: 'order',
  [PAYMENT_EVENTS]: 'payment',
  [WAREHOUSE_EVENTS]: 'warehouse',
  [NOTIFICATION_EVENTS]: 'push',
};

function stepResult({ topic, tag, atMs, body }: OrderMessage): Happening {
  try {
    const { type, step, note } = parseRefundStepResult(body);
    const { service, done } = refundSteps[step];
    return type === RefundStepResultTag.Failed
      ? { atMs, service, what: `A step of the refund has failed: ${note}`, isProblem: true }
      : { atMs, service, what: done };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    // Malformed: what else there is of the order is shown all the same.
    const what = `${topic} ${tag} cannot be read: ${error.message}`;
    return { atMs, service: 'refund', what, isProblem: true };
  }
}
