import { actionButton, element, place, setText } from './elements.js';
import { countText, durationText } from './formats.js';
import { ask, outcomePlace, showProblem } from './requests.js';

/** @typedef {import('../live/live-events.ts').SwitchesEvent} State */
/** @typedef {{ root: HTMLElement, show: (state: State) => void }} Switch */
/** @typedef {(change: object, outcome: Element) => Promise<void>} Change */

/** What can be made to go wrong on purpose, what it does, and what one should then see. */
export class SwitchBoard {
  /** @type {Switch[]} */
  #switches;

  constructor() {
    /** @type {Change} */
    const change = async (wanted, outcome) => {
      outcome.replaceChildren();
      try {
        const { body } = await ask('PUT', 'api/switches', { body: wanted });
        this.show(body);
      } catch (error) {
        showProblem(outcome, error);
      }
    };
    this.#switches = [
      thirdParty(change),
      stoppable(change, {
        part: 'couponDatabase',
        title: 'Coupon database',
        tells:
          'Stopped, orders are placed, paid and shipped as before; only their coupons wait. What is tried in vain for long enough is a dead letter, under “Queues”. Started again, all of them come in.',
      }),
      stoppable(change, {
        part: 'broker',
        title: 'Broker',
        tells:
          'Stopped, orders are still taken: their messages wait in the database of the service that sends them. Started again, everything that was waiting comes in, each thing once.',
      }),
    ];
    place('switches').append(...this.#switches.map(({ root }) => root));
  }

  /** @param {State} state */
  show(state) {
    for (const each of this.#switches) each.show(state);
  }
}

/**
 * @param {Change} change
 * @returns {Switch}
 */
function thirdParty(change) {
  const outcome = outcomePlace();
  const told = toldOf(
    'Slower, or failing: payments and parcels take longer, or are tried again. The checkout stays as fast as it is, since it waits for neither.',
  );
  const latency = slider('Latency', 5_000, 100, durationText, (latencyMs) =>
    change({ thirdParty: { latencyMs } }, outcome),
  );
  const errors = slider(
    'Error rate',
    100,
    5,
    (perCent) => `${countText(perCent)} %`,
    (perCent) => change({ thirdParty: { errorRate: perCent / 100 } }, outcome),
  );
  const root = element(
    'fieldset',
    { class: 'switch' },
    element('legend', { text: 'Payment channel and carrier' }),
    latency.root,
    errors.root,
    told.root,
    outcome,
  );
  return {
    root,
    show({ thirdParty: state, reasons }) {
      root.disabled = state === null;
      told.showReason(state === null ? reasons.thirdParty : undefined);
      if (state === null) return;
      latency.show(state.latencyMs);
      errors.show(state.errorRate * 100);
    },
  };
}

/**
 * @param {string} title
 * @param {number} max
 * @param {number} step
 * @param {(value: number) => string} text
 * @param {(value: number) => Promise<void>} set
 */
function slider(title, max, step, text, set) {
  const input = element('input', { type: 'range', min: 0, max, step, value: 0 });
  // The slider itself says its value; an `output` would say it a second time.
  const shown = element('span', { class: 'setting', 'aria-hidden': 'true', text: '…' });
  const say = () => {
    setText(shown, text(Number(input.value)));
    input.setAttribute('aria-valuetext', text(Number(input.value)));
  };
  const root = element(
    'label',
    { class: 'slider' },
    element('span', { text: title }),
    input,
    shown,
  );
  let isBeingMoved = false;
  input.addEventListener('input', () => {
    isBeingMoved = true;
    say();
  });
  input.addEventListener('change', () => {
    void set(Number(input.value)).finally(() => {
      isBeingMoved = false;
    });
  });
  return {
    root,
    show(/** @type {number} */ value) {
      root.classList.add('is-known');
      if (isBeingMoved) return;
      input.value = String(value);
      say();
    },
  };
}

/**
 * @param {Change} change
 * @param {{ part: 'couponDatabase' | 'broker', title: string, tells: string }} options
 * @returns {Switch}
 */
function stoppable(change, { part, title, tells }) {
  const outcome = outcomePlace();
  const told = toldOf(tells);
  const state = element('span', { class: 'state', text: '…' });
  const button = actionButton(
    '',
    async () => {
      const isRunning = button.getAttribute('aria-checked') === 'true';
      setText(state, isRunning ? 'stopping …' : 'starting …');
      await change({ [part]: isRunning ? 'stopped' : 'running' }, outcome);
      setText(state, button.getAttribute('aria-checked') === 'true' ? 'running' : 'stopped');
    },
    { role: 'switch', 'aria-checked': 'false', id: `switch-${part}`, disabled: true },
  );
  button.append(element('span', { class: 'knob' }), element('span', { text: title }), state);
  return {
    root: element('div', { class: 'switch' }, button, told.root, outcome),
    show(states) {
      const now = states[part];
      button.disabled = now === null;
      told.showReason(now === null ? states.reasons[part] : undefined);
      if (now === null) return;
      button.setAttribute('aria-checked', String(now === 'running'));
      if (button.getAttribute('aria-disabled') !== 'true') setText(state, now);
    },
  };
}

/**
 * What a switch does, or why it cannot be turned just now: one in place of the other, so that nothing moves.
 *
 * @param {string} tells
 */
function toldOf(tells) {
  const reason = element('p', { class: 'reason' });
  const root = element('div', { class: 'told' }, element('p', { text: tells }), reason);
  return {
    root,
    showReason(/** @type {string | undefined} */ text) {
      root.classList.toggle('has-reason', text !== undefined);
      setText(reason, text ?? '');
    },
  };
}
