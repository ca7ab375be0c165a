import { InternalServerErrorException } from '@nestjs/common';
import { DomainError } from '../../common/errors.ts';
import {
  changed,
  takeRefundFailure,
  takeShipmentFailure,
  type Behaviour,
  type BehaviourChanges,
} from '../domain/behaviour.ts';
import type { Chance } from '../domain/chance.ts';

/** What the channel and the carrier do wrong, and when. Kept in memory: a restart begins with the settings again. */
export class Misbehaviour {
  readonly #chance: Chance;
  #behaviour: Behaviour;

  constructor(behaviour: Behaviour, chance: Chance) {
    this.#behaviour = behaviour;
    this.#chance = chance;
  }

  get current(): Behaviour {
    return this.#behaviour;
  }

  change(changes: BehaviourChanges): Behaviour {
    this.#behaviour = changed(this.#behaviour, changes);
    return this.#behaviour;
  }

  /** Errors: HTTP.500, as often as errorRate says. */
  beforeCharge(): void {
    this.#maybeFail('channel');
  }

  /** Errors: CHANNEL.UNAVAILABLE while a failure is left for it, HTTP.500. */
  beforeRefund(requestNo: string): void {
    const after = takeRefundFailure(this.#behaviour, requestNo);
    if (after !== undefined) {
      this.#behaviour = after;
      throw unavailable('CHANNEL', `refunds of charge ${requestNo}`);
    }
    this.#maybeFail('channel');
  }

  /** Errors: CARRIER.UNAVAILABLE while a failure is left, HTTP.500. */
  beforeShipment(): void {
    const after = takeShipmentFailure(this.#behaviour);
    if (after !== undefined) {
      this.#behaviour = after;
      throw unavailable('CARRIER', 'shipments');
    }
    this.#maybeFail('carrier');
  }

  losesAnswer(of: 'channel' | 'carrier'): boolean {
    return this.#chance.happens(this.#behaviour[of].lostAnswerRate);
  }

  declines(): boolean {
    return this.#chance.happens(this.#behaviour.channel.declineRate);
  }

  losesCallback(): boolean {
    return this.#chance.happens(this.#behaviour.channel.lostCallbackRate);
  }

  repeatsCallback(): boolean {
    return this.#chance.happens(this.#behaviour.channel.duplicateCallbackRate);
  }

  #maybeFail(who: 'channel' | 'carrier'): void {
    if (!this.#chance.happens(this.#behaviour[who].errorRate)) return;
    throw new InternalServerErrorException(`the ${who} fails, as it was told to`);
  }
}

function unavailable(area: 'CHANNEL' | 'CARRIER', what: string): DomainError {
  return new DomainError(
    `${area}.UNAVAILABLE`,
    'unavailable',
    `no ${what} are taken just now, as it was told to`,
  );
}
