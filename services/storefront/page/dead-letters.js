import { actionButton, element, place, setText } from './elements.js';
import { clockText, countText } from './formats.js';
import { ask, outcomePlace, showProblem, showSaid } from './requests.js';

/** @typedef {{ messageId: string, keys: string, tag: string, reason?: string, storedAt: string, body: string }} DeadLetter */

/** What groups could not handle: how much waits where, what is in it, and giving it back. */
export class DeadLetters {
  /** @type {Map<string, { button: HTMLButtonElement, count: HTMLElement, waiting: number, beingRetried: number }>} */
  #groups = new Map();
  /** @type {string | undefined} */
  #chosen;
  #list = element('ul', { class: 'groups', 'aria-label': 'Groups with dead letters' });
  #none = element('p', { class: 'faint', text: 'None. What a group cannot handle comes here.' });
  #content = element('ol', { class: 'letters' });
  #outcome = outcomePlace();
  #fate = element('p', { class: 'faint fate' });
  #all;

  constructor() {
    this.#all = actionButton('Redrive all', () => this.#redrive(), { hidden: true });
    place('dead-letters').append(
      element(
        'div',
        { class: 'master' },
        element(
          'div',
          { class: 'scrolled', tabindex: 0, role: 'region', 'aria-label': 'Groups' },
          this.#none,
          this.#list,
        ),
        element(
          'div',
          { class: 'chosen' },
          element('div', { class: 'actions' }, this.#all, this.#outcome),
          this.#fate,
          element(
            'div',
            { class: 'scrolled', tabindex: 0, role: 'region', 'aria-label': 'Dead letters' },
            this.#content,
          ),
        ),
      ),
    );
  }

  /** @param {import('../live/live-events.ts').QueuesEvent} side */
  show({ deadLetters }) {
    const told = new Map(deadLetters.map((each) => [each.group, each]));
    // A group stays in the list when nothing waits any more: what stands below it does not jump.
    for (const [group, { waiting }] of told) {
      if (waiting > 0 && !this.#groups.has(group)) this.#add(group);
    }
    for (const [group, shown] of this.#groups) {
      const { waiting = 0, beingRetried = 0 } = told.get(group) ?? {};
      setText(shown.count, countText(waiting));
      const hasChanged = waiting !== shown.waiting;
      Object.assign(shown, { waiting, beingRetried });
      if (hasChanged && group === this.#chosen) void this.#read();
    }
    this.#none.hidden = this.#groups.size > 0;
    this.#showFate();
  }

  /** @param {string} group */
  #add(group) {
    const count = element('span', { class: 'count' });
    const button = element(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        'data-group': group,
        on: { click: () => this.#choose(group) },
      },
      element('span', { text: group }),
      count,
    );
    this.#list.append(element('li', {}, button));
    this.#groups.set(group, { button, count, waiting: 0, beingRetried: 0 });
    if (this.#chosen === undefined) this.#choose(group);
  }

  /** @param {string} group */
  #choose(group) {
    this.#chosen = group;
    for (const [each, { button }] of this.#groups) {
      button.setAttribute('aria-pressed', String(each === group));
    }
    this.#outcome.replaceChildren();
    this.#content.replaceChildren();
    this.#all.hidden = false;
    this.#showFate();
    void this.#read();
  }

  #showFate() {
    const shown = this.#chosen === undefined ? undefined : this.#groups.get(this.#chosen);
    if (shown === undefined) return;
    const { waiting, beingRetried } = shown;
    const kept = `${countText(waiting)} kept`;
    setText(
      this.#fate,
      beingRetried === 0
        ? `${kept}; the shop has tried all of them again by itself.`
        : `${kept}; the shop tries ${countText(beingRetried)} of them again by itself.`,
    );
  }

  async #read() {
    const group = this.#chosen;
    if (group === undefined) return;
    try {
      const { body } = await ask('GET', `api/dead-letters/${encodeURIComponent(group)}`);
      if (group === this.#chosen) this.#showLetters(body.items);
    } catch (error) {
      if (group === this.#chosen) showProblem(this.#outcome, error);
    }
  }

  /** @param {readonly DeadLetter[]} letters */
  #showLetters(letters) {
    this.#content.replaceChildren(
      ...letters.map(({ messageId, keys, tag, reason, storedAt, body }) =>
        element(
          'li',
          {},
          element(
            'p',
            {},
            element('strong', { text: tag }),
            ` ${keys} `,
            element('span', { class: 'faint', text: `since ${clockText(storedAt)}` }),
            actionButton('Redrive', () => this.#redrive(messageId), {
              'aria-label': `Redrive ${tag} of ${keys}`,
            }),
          ),
          ...(reason === undefined ? [] : [element('p', { class: 'reason', text: reason })]),
          element('code', { text: messageId }),
          element('pre', { text: body }),
        ),
      ),
    );
  }

  /** @param {string} [messageId] Without it, all of the group. */
  async #redrive(messageId) {
    const group = this.#chosen;
    if (group === undefined) return;
    try {
      const { body } = await ask('POST', `api/dead-letters/${encodeURIComponent(group)}/redrive`, {
        body: messageId === undefined ? {} : { messageIds: [messageId] },
      });
      showSaid(this.#outcome, `${countText(body.redriven)} given back to ${group}.`);
      await this.#read();
    } catch (error) {
      showProblem(this.#outcome, error);
    }
  }
}
