import { DomainError, isUnavailable } from '../../common/errors.ts';
import { HttpPeer } from '../../common/http-peer.ts';
import type { ShopServices } from '../application/shop-services.ts';
import type { SwitchesEvent, SwitchState, ThirdPartySwitch } from '../live/live-events.ts';

/** A broker that starts again reads its log first. */
const STAGE_TIMEOUT_MS = 60_000;

const NO_STAGE = 'Only npm run demo can stop this: here it is run by somebody else.';

interface StageSwitches {
  readonly couponDatabase: SwitchState | null;
  readonly broker: SwitchState | null;
  readonly reasons: SwitchesEvent['reasons'];
}

const noStage: StageSwitches = {
  couponDatabase: null,
  broker: null,
  reasons: { couponDatabase: NO_STAGE, broker: NO_STAGE },
};

/** Which switch is to be turned, and how; one at a time, so that nothing is half done. */
export interface SwitchWish {
  readonly thirdParty?: Partial<ThirdPartySwitch> | undefined;
  readonly couponDatabase?: SwitchState | undefined;
  readonly broker?: SwitchState | undefined;
}

/** What can be made worse on purpose: the third party by its own service, the coupon database and the broker by the demo. */
export class Switches {
  readonly #services: ShopServices;
  readonly #stage: HttpPeer | undefined;

  constructor(services: ShopServices, stageUrl: string | undefined) {
    this.#services = services;
    this.#stage =
      stageUrl === undefined
        ? undefined
        : new HttpPeer({ name: 'stage', url: stageUrl, timeoutMs: STAGE_TIMEOUT_MS });
  }

  /** A part that does not answer is null. */
  async read(): Promise<SwitchesEvent> {
    const [stage, thirdParty] = await Promise.all([this.#readStage(), this.#readThirdParty()]);
    const reasons = { ...stage.reasons };
    const isLeftAlone = reasons.thirdParty !== undefined;
    if (thirdParty === undefined) reasons.thirdParty ??= 'third-party does not answer.';
    return {
      thirdParty: isLeftAlone ? null : (thirdParty ?? null),
      couponDatabase: stage.couponDatabase,
      broker: stage.broker,
      reasons,
    };
  }

  /**
   * Errors: REQUEST.INVALID when it is not one switch; SWITCH.NOT_HERE with the reason; THIRD_PARTY.UNAVAILABLE; STAGE.UNAVAILABLE
   *         when what was to run does not start.
   */
  async turn(wish: SwitchWish): Promise<SwitchesEvent> {
    assertOne(wish);
    const { thirdParty, ...stage } = wish;
    const { reasons } = await this.read();
    const refusals = [
      thirdParty && reasons.thirdParty,
      stage.couponDatabase && reasons.couponDatabase,
      stage.broker && reasons.broker,
    ];
    const refusal = refusals.find((reason) => reason !== undefined);
    if (refusal !== undefined) throw new DomainError('SWITCH.NOT_HERE', 'conflict', refusal);
    if (thirdParty !== undefined) {
      const worse = { channel: thirdParty, carrier: thirdParty };
      await this.#services.of('third-party').put('/behaviour', worse);
    }
    if (stage.couponDatabase !== undefined || stage.broker !== undefined) {
      await this.#turnStage(stage);
    }
    return this.read();
  }

  async #turnStage(wish: Omit<SwitchWish, 'thirdParty'>): Promise<void> {
    const request = { method: 'PUT', path: '/switches', body: JSON.stringify(wish) };
    const { status, text } = await this.#stage!.exchange(request);
    if (status === 200) return;
    const detail = detailOf(text) ?? `the stage (STAGE_URL) answered ${status} and gave no reason`;
    throw status === 409
      ? new DomainError('SWITCH.NOT_HERE', 'conflict', detail)
      : new DomainError('STAGE.UNAVAILABLE', 'unavailable', detail);
  }

  async #readStage(): Promise<StageSwitches> {
    if (this.#stage === undefined) return noStage;
    try {
      return (await this.#stage.get('/switches')) as StageSwitches;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const away = 'The demo does not answer.';
      return {
        couponDatabase: null,
        broker: null,
        reasons: { couponDatabase: away, broker: away },
      };
    }
  }

  async #readThirdParty(): Promise<ThirdPartySwitch | undefined> {
    const { status, text } = await this.#services.ask('third-party', '/behaviour');
    if (status !== 200) return undefined;
    const { latencyMs, errorRate } = (JSON.parse(text) as { channel: ThirdPartySwitch }).channel;
    return { latencyMs, errorRate };
  }
}

function assertOne(wish: SwitchWish): void {
  const [named, ...more] = Object.entries(wish).flatMap(([name, wanted]) =>
    wanted === undefined ? [] : [name],
  );
  if (named !== undefined && more.length === 0) return;
  const field = more[0] ?? '';
  const message =
    named === undefined
      ? 'names no switch, it must name one'
      : `comes beside ${named}, it must come alone`;
  throw new DomainError('REQUEST.INVALID', 'invalid', `${field || 'the request'} ${message}`, {
    fields: [{ field, message }],
  });
}

/** Undefined: there is none, for whatever answered is no stage, or stands before it. */
function detailOf(text: string): string | undefined {
  try {
    const { detail } = (JSON.parse(text) ?? {}) as { detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
