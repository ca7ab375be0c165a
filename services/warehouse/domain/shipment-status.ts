import { DomainError } from '../../common/errors.ts';

/** `HANDING_OVER`: the carrier has been asked, and may have the parcel although its answer was lost. */
export type ShipmentStatus = 'REQUESTED' | 'HANDING_OVER' | 'SHIPPED' | 'CANCELLED';

/** Every move a shipment may make. What is not here is refused, whoever asks. */
const moves: Readonly<Record<ShipmentStatus, readonly ShipmentStatus[]>> = {
  REQUESTED: ['HANDING_OVER', 'CANCELLED'],
  HANDING_OVER: ['SHIPPED', 'CANCELLED'],
  SHIPPED: [],
  CANCELLED: [],
};

/**
 * Decides one move. `repeated` means the shipment is already there.
 *
 * Errors: WAREHOUSE.ILLEGAL_MOVE naming the state the shipment is in.
 */
export function decideMove(
  shipmentNo: string,
  from: ShipmentStatus,
  to: ShipmentStatus,
): 'moved' | 'repeated' {
  if (from === to) return 'repeated';
  if (moves[from].includes(to)) return 'moved';
  const ways = moves[from].length === 0 ? 'nothing any more' : moves[from].join(' or ');
  throw new DomainError(
    'WAREHOUSE.ILLEGAL_MOVE',
    'conflict',
    `shipment ${shipmentNo} is ${from} and cannot become ${to}; from ${from} it can become ${ways}`,
  );
}
