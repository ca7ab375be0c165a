import { actionButton, element, place, setText } from './elements.js';
import { clockText, countText } from './formats.js';
import { ask, outcomePlace, showProblem, showSaid } from './requests.js';

/** As many as one answer has. */
const PAGE_SIZE = 50;

/** @typedef {{ offsetMsgId: string, messageId: string, keys: readonly string[], tag: string, reason?: string, storedAt: string, body: string }} DeadLetter */

/** What groups could not handle: how much waits where, what is in it, and giving it back. */
export class DeadLetters {
  /** @type {Map<string, { button: HTMLButtonElement, count: HTMLElement, waiting: number, beingRetried: number }>} */
  #groups = new Map();
  /** @type {string | undefined} */
  #chosen;
  /** Of the chosen group: how many newer ones there were than those that are shown, and how many in all, when they were read. */
  #skip = 0;
  #total = 0;
  #readCount = 0;
  /** Those that are shown, by offsetMsgId. @type {Map<string, { row: HTMLLIElement, given: HTMLElement }>} */
  #letters = new Map();
  /** When this page gave one back by itself: it stays where it is, and is not to be taken for forgotten. @type {Map<string, number>} */
  #givenAt = new Map();
  #list = element('ul', { class: 'groups', 'aria-label': 'Groups with dead letters' });
  #none = element('p', { class: 'faint', text: 'None. What a group cannot handle comes here.' });
  #content = element('ol', { class: 'letters' });
  #scrolled = element(
    'div',
    { class: 'scrolled', tabindex: 0, role: 'region', 'aria-label': 'Dead letters' },
    this.#content,
  );
  #outcome = outcomePlace();
  #fate = element('p', { class: 'faint fate' });
  #range = element('span', { class: 'faint' });
  #newer = element('button', {
    type: 'button',
    text: 'Newer',
    on: { click: () => this.#turn(-1) },
  });
  #older = element('button', { type: 'button', text: 'Older', on: { click: () => this.#turn(1) } });
  #pages = element(
    'div',
    { class: 'pages', role: 'group', 'aria-label': 'Pages', hidden: true },
    this.#range,
    this.#newer,
    this.#older,
  );
  #all;

  constructor() {
    this.#all = actionButton('Redrive all', () => this.#redriveAll(), { hidden: true });
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
          this.#pages,
          this.#scrolled,
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
      const areFewer = waiting < shown.waiting;
      Object.assign(shown, { waiting, beingRetried });
      if (group !== this.#chosen) continue;
      // Newer ones do not push aside what somebody reads: they are there for the asking.
      if (areFewer || (this.#letters.size === 0 && waiting > 0)) void this.#read();
      else this.#showPages();
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
    this.#skip = 0;
    this.#total = 0;
    this.#showLetters([]);
    this.#all.hidden = this.#pages.hidden = false;
    this.#showFate();
    void this.#read();
  }

  #showFate() {
    const shown = this.#chosen === undefined ? undefined : this.#groups.get(this.#chosen);
    if (shown === undefined) return;
    const { waiting, beingRetried } = shown;
    const kept = `${countText(waiting)} kept`;
    const tried =
      beingRetried === 0
        ? `${kept}; the shop has tried all of them again by itself.`
        : `${kept}; the shop tries ${countText(beingRetried)} of them again by itself.`;
    setText(this.#fate, waiting === 0 ? 'None is kept.' : tried);
  }

  #showPages() {
    const shown = this.#chosen === undefined ? undefined : this.#groups.get(this.#chosen);
    const cameSince = Math.max(0, (shown?.waiting ?? 0) - this.#total);
    const [first, last] = [this.#skip + 1, this.#skip + this.#letters.size];
    setText(
      this.#range,
      [
        this.#letters.size === 0
          ? ''
          : `${countText(first)}–${countText(last)} of ${countText(this.#total)}, newest first`,
        cameSince === 0 ? '' : `${countText(cameSince)} newer`,
      ]
        .filter((text) => text !== '')
        .join(' · '),
    );
    // Not `disabled`, which would take the focus away from under the keyboard.
    this.#newer.setAttribute('aria-disabled', String(this.#skip === 0 && cameSince === 0));
    this.#older.setAttribute('aria-disabled', String(last >= this.#total));
  }

  /** @param {-1 | 1} by */
  #turn(by) {
    const button = by === 1 ? this.#older : this.#newer;
    if (button.ariaDisabled === 'true') return;
    this.#skip = Math.max(0, this.#skip + by * PAGE_SIZE);
    this.#scrolled.scrollTop = 0;
    void this.#read();
  }

  /**
   * Reads what is shown again.
   *
   * @returns {Promise<void>}
   */
  async #read() {
    const group = this.#chosen;
    if (group === undefined) return;
    const reading = ++this.#readCount;
    const skip = this.#skip;
    try {
      const path = `api/dead-letters/${encodeURIComponent(group)}?skip=${skip}`;
      const { body } = await ask('GET', path);
      if (reading !== this.#readCount) return;
      if (body.items.length === 0 && skip > 0 && body.total > 0) {
        // Others have given back what was here: the oldest there are now.
        this.#skip = Math.max(0, body.total - PAGE_SIZE);
        return await this.#read();
      }
      this.#total = body.total;
      const shown = this.#groups.get(group);
      if (shown !== undefined) {
        shown.waiting = body.total;
        setText(shown.count, countText(body.total));
      }
      if (body.total === 0) this.#skip = 0;
      this.#showFate();
      this.#showLetters(body.items);
    } catch (error) {
      if (reading === this.#readCount) showProblem(this.#outcome, error);
    }
  }

  /** @param {readonly DeadLetter[]} letters Those that are there already stay the same elements: nobody loses his place. */
  #showLetters(letters) {
    const wanted = new Set(letters.map(({ offsetMsgId }) => offsetMsgId));
    for (const [offsetMsgId, { row }] of this.#letters) {
      if (wanted.has(offsetMsgId)) continue;
      row.remove();
      this.#letters.delete(offsetMsgId);
    }
    for (const [index, letter] of letters.entries()) {
      const { offsetMsgId } = letter;
      const shown = this.#letters.get(offsetMsgId) ?? this.#letterOf(letter);
      this.#letters.set(offsetMsgId, shown);
      if (this.#content.children[index] !== shown.row) {
        this.#content.insertBefore(shown.row, this.#content.children[index] ?? null);
      }
    }
    this.#showPages();
  }

  /** @param {DeadLetter} letter */
  #letterOf({ offsetMsgId, messageId, keys, tag, reason, storedAt, body }) {
    const given = element('span', { class: 'faint given' });
    const row = element(
      'li',
      {},
      element(
        'p',
        { class: 'head' },
        element(
          'span',
          {},
          element('strong', { text: tag }),
          ` ${keys.join(', ')} `,
          element('span', { class: 'faint', text: `since ${clockText(storedAt)}` }),
        ),
        actionButton('Redrive', () => this.#redrive(offsetMsgId), {
          'aria-label': `Redrive ${tag} of ${keys.join(', ')}`,
        }),
      ),
      ...(reason === undefined ? [] : [element('p', { class: 'reason', text: reason })]),
      element('p', {}, element('code', { text: messageId }), given),
      element('pre', { text: body }),
    );
    const shown = { row, given };
    this.#showGiven(offsetMsgId, shown);
    return shown;
  }

  /**
   * @param {string} offsetMsgId
   * @param {{ given: HTMLElement } | undefined} shown
   */
  #showGiven(offsetMsgId, shown) {
    const at = this.#givenAt.get(offsetMsgId);
    if (shown === undefined || at === undefined) return;
    setText(shown.given, `given back ${clockText(at)}; listed until all are`);
  }

  #redriveAll() {
    return this.#giveBack(async (group) => {
      const { body } = await ask('POST', redrivePath(group), { body: {} });
      this.#skip = 0;
      await this.#read();
      const rest = this.#total === 0 ? '' : ` ${countText(this.#total)} are left.`;
      this.#say(body, `${countText(body.redriven)} given back to ${group}.${rest}`);
    });
  }

  /** @param {string} offsetMsgId */
  #redrive(offsetMsgId) {
    return this.#giveBack(async (group) => {
      const { body } = await ask('POST', redrivePath(group), {
        body: { offsetMsgIds: [offsetMsgId] },
      });
      if (body.redriven === 1) this.#givenAt.set(offsetMsgId, Date.now());
      this.#showGiven(offsetMsgId, this.#letters.get(offsetMsgId));
      this.#say(body, `${countText(body.redriven)} given back to ${group}.`);
    });
  }

  /** @param {(group: string) => Promise<void>} give */
  async #giveBack(give) {
    const group = this.#chosen;
    if (group === undefined) return;
    try {
      await give(group);
    } catch (error) {
      showProblem(this.#outcome, error);
    }
  }

  /**
   * @param {{ failed: number, reason?: string }} outcome
   * @param {string} text
   */
  #say({ failed, reason = 'the broker does not say why' }, text) {
    if (failed === 0) return showSaid(this.#outcome, text);
    showSaid(this.#outcome, `${text} ${countText(failed)} could not be: ${reason}`, 'problem');
  }
}

/** @param {string} group */
function redrivePath(group) {
  return `api/dead-letters/${encodeURIComponent(group)}/redrive`;
}
