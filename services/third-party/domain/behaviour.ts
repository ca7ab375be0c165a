/** How the payment channel misbehaves. Rates are from 0, never, to 1, always. */
export interface ChannelBehaviour {
  /** From the acceptance of a charge to its settlement. */
  readonly latencyMs: number;
  /** Charges and refunds answered 500, and not stored. */
  readonly errorRate: number;
  /** Charges and refunds stored and never answered. */
  readonly lostAnswerRate: number;
  /** Charges that settle FAILED. */
  readonly declineRate: number;
  /** Callbacks that are sent once more after they were taken. */
  readonly duplicateCallbackRate: number;
  /** From the settlement to the first sending of its callback. */
  readonly lateCallbackMs: number;
  /** Charges whose callback is never sent: only a query tells. */
  readonly lostCallbackRate: number;
  /** So many of the next refunds are answered 503; counts down. */
  readonly failNextRefunds: number;
  /** The same for the refunds of certain charges, by requestNo. One that has come to 0 is gone. */
  readonly failRefundsOf: Readonly<Record<string, number>>;
}

/** How the carrier misbehaves. */
export interface CarrierBehaviour {
  /** From a request to ship to its being stored and answered. */
  readonly latencyMs: number;
  /** Shipments answered 500, and not stored. */
  readonly errorRate: number;
  /** Shipments stored and never answered. */
  readonly lostAnswerRate: number;
  /** So many of the next shipments are answered 503; counts down. */
  readonly failNextShipments: number;
}

export interface Behaviour {
  readonly channel: ChannelBehaviour;
  readonly carrier: CarrierBehaviour;
}

type Changes<T> = { readonly [Field in keyof T]?: T[Field] | undefined };

/** What is not named stays. */
export interface BehaviourChanges {
  readonly channel?: Changes<ChannelBehaviour> | undefined;
  readonly carrier?: Changes<CarrierBehaviour> | undefined;
}

/** Limits of every setting, wherever it comes from. */
export const MAX_LATENCY_MS = 600_000;
export const MAX_FAILURE_COUNT = 1_000_000;
export const MAX_FAILING_CHARGES = 100;

export function changed(behaviour: Behaviour, changes: BehaviourChanges): Behaviour {
  return {
    channel: withChanges(behaviour.channel, changes.channel),
    carrier: withChanges(behaviour.carrier, changes.carrier),
  };
}

/** Takes one failure off what is left for the refunds of this charge, its own before those of all; undefined when none is. */
export function takeRefundFailure(behaviour: Behaviour, requestNo: string): Behaviour | undefined {
  const { failRefundsOf, failNextRefunds } = behaviour.channel;
  const ownCount = Object.hasOwn(failRefundsOf, requestNo) ? failRefundsOf[requestNo]! : 0;
  if (ownCount > 0) {
    const { [requestNo]: _own, ...others } = failRefundsOf;
    const left = ownCount > 1 ? { ...others, [requestNo]: ownCount - 1 } : others;
    return changed(behaviour, { channel: { failRefundsOf: left } });
  }
  if (failNextRefunds === 0) return undefined;
  return changed(behaviour, { channel: { failNextRefunds: failNextRefunds - 1 } });
}

export function takeShipmentFailure(behaviour: Behaviour): Behaviour | undefined {
  const { failNextShipments } = behaviour.carrier;
  if (failNextShipments === 0) return undefined;
  return changed(behaviour, { carrier: { failNextShipments: failNextShipments - 1 } });
}

/** A DTO has every field of its class, those that did not come as undefined. */
function withChanges<T extends object>(settings: T, changes: Changes<T> = {}): T {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return { ...settings, ...(Object.fromEntries(given) as Partial<T>) };
}
