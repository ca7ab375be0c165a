import { createHmac } from 'node:crypto';
import type { MinorUnits } from '../../common/money.ts';

export const redPacketStatuses = ['OPEN', 'RECALLED'] as const;
export type RedPacketStatus = (typeof redPacketStatuses)[number];

/** A present of luck: some of what was paid, nobody knows beforehand how much. */
export interface RedPacket {
  packetNo: string;
  orderNo: string;
  userId: string;
  amountMinor: MinorUnits;
  currency: string;
  status: RedPacketStatus;
  issuedAt: Date;
  recalledAt: Date | null;
}

/** Every move a red packet may make. */
const moves: Readonly<Record<RedPacketStatus, readonly RedPacketStatus[]>> = {
  OPEN: ['RECALLED'],
  RECALLED: [],
};

/** In hundredths of a percent, both included. */
const MIN_SHARE = 100;
const MAX_SHARE = 500;
const WHOLE = 10_000;

/**
 * Makes the draw another one than of any other hash of order numbers. It need not be secret: nobody can choose the number of
 * his order. It must never change, or an order that is drawn for again would draw something else.
 */
const DRAW_KEY = 'millrace red packets';

/** One to five percent of what was paid, rounded down; at least one minor unit. */
export function redPacketFor(
  paid: { orderNo: string; userId: string; totalMinor: MinorUnits; currency: string },
  issuing: { packetNo: string; issuedAt: Date },
): RedPacket {
  const { orderNo, userId, totalMinor, currency } = paid;
  return {
    packetNo: issuing.packetNo,
    orderNo,
    userId,
    amountMinor: Math.max(1, partOf(totalMinor, drawnShare(orderNo))),
    currency,
    status: 'OPEN',
    issuedAt: issuing.issuedAt,
    recalledAt: null,
  };
}

/** What is recalled already comes back as it is. */
export function recallRedPacket(packet: RedPacket, recalledAt: Date): RedPacket {
  if (!moves[packet.status].includes('RECALLED')) return packet;
  return { ...packet, status: 'RECALLED', recalledAt };
}

/** The same for an order however often it is drawn. Of 2^48 numbers, that some shares have one more weighs nothing. */
function drawnShare(orderNo: string): number {
  const drawn = createHmac('sha256', DRAW_KEY).update(orderNo).digest().readUIntBE(0, 6);
  return MIN_SHARE + (drawn % (MAX_SHARE - MIN_SHARE + 1));
}

/** Divides before it multiplies, so that no total on its way is past 2^53. */
function partOf(totalMinor: MinorUnits, share: number): MinorUnits {
  return (
    Math.floor(totalMinor / WHOLE) * share + Math.floor(((totalMinor % WHOLE) * share) / WHOLE)
  );
}
