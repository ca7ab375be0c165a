import { element, place } from './elements.js';
import { countText, rateText } from './formats.js';
import { SortableTable } from './sortable-table.js';

/** @typedef {import('../live/live-events.ts').GroupFigures} GroupRow */
/** @typedef {import('../live/live-events.ts').TopicFigures} TopicRow */

/** @param {GroupRow} group */
function queuesOf({ group, topic, queues }) {
  const most = Math.max(1, ...queues.map(({ lag }) => lag));
  return element(
    'table',
    { class: 'lags' },
    element('caption', { class: 'visually-hidden', text: `The queues of ${group} in ${topic}` }),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['Queue', 'Put', 'Consumed', 'Lag', ''].map((text) =>
          element('th', { scope: 'col', text }),
        ),
      ),
    ),
    element(
      'tbody',
      {},
      ...queues.map(({ brokerName, queueId, brokerOffset, consumerOffset, lag }) => {
        const bar = element('span', { class: 'bar' });
        bar.style.setProperty('--part', String(lag / most));
        return element(
          'tr',
          {},
          element('th', { scope: 'row', text: `${brokerName} · ${queueId}` }),
          ...[brokerOffset, consumerOffset, lag].map((count) =>
            element('td', { text: countText(count) }),
          ),
          element('td', { class: 'bar-cell' }, bar),
        );
      }),
    ),
  );
}

/**
 * @param {string} id
 * @param {string} label
 * @param {Node} content
 */
function scrolled(id, label, content) {
  const box = element('div', {
    class: 'scrolled',
    tabindex: 0,
    role: 'region',
    'aria-label': label,
  });
  box.append(content);
  place(id).append(box);
  return box;
}

/** Topics, consumer groups and what the broker has found. */
export class QueueTables {
  /** @type {SortableTable<TopicRow>} */
  #topics = new SortableTable('Topics', [
    { title: 'Topic', value: ({ topic }) => topic, text: ({ topic }) => topic },
    { title: 'Put/s', value: ({ putPerS }) => putPerS, text: ({ putPerS }) => rateText(putPerS) },
    {
      title: 'Messages',
      value: ({ messages }) => messages,
      text: ({ messages }) => countText(messages),
    },
    { title: 'Queues', value: ({ queues }) => queues, text: ({ queues }) => countText(queues) },
  ]);
  /** @type {SortableTable<GroupRow>} */
  #groups = new SortableTable(
    'Consumer groups',
    [
      { title: 'Group', value: ({ group }) => group, text: ({ group }) => group },
      { title: 'Topic', value: ({ topic }) => topic, text: ({ topic }) => topic },
      { title: 'Lag', value: ({ lag }) => lag, text: ({ lag }) => countText(lag) },
      {
        title: 'Consumed/s',
        value: ({ consumePerS }) => consumePerS,
        text: ({ consumePerS }) => rateText(consumePerS),
      },
      {
        title: 'Members',
        value: ({ members }) => members,
        text: ({ members }) => countText(members),
      },
    ],
    queuesOf,
  );
  #findings;

  constructor() {
    scrolled('topics', 'Topics', this.#topics.root);
    scrolled('groups', 'Consumer groups', this.#groups.root);
    this.#findings = scrolled('findings', 'Findings', waiting());
  }

  /** @param {import('../live/live-events.ts').QueuesEvent} side */
  show({ topics, groups, findings }) {
    this.#topics.show(topics, ({ topic }) => topic);
    this.#groups.show(groups, ({ group, topic }) => `${group} ${topic}`);
    this.#findings.replaceChildren(findingsView(findings));
  }
}

function waiting() {
  return element('p', { class: 'faint', text: 'Not heard of yet.' });
}

/** @param {readonly import('../live/live-events.ts').FindingFigures[] | null} findings */
function findingsView(findings) {
  if (findings === null) {
    return element('p', {
      class: 'faint',
      text: 'This broker keeps no findings; Millrace’s own does.',
    });
  }
  if (findings.length === 0) {
    return element('p', { class: 'faint', text: 'None: everybody uses the broker as he should.' });
  }
  return element(
    'ul',
    { class: 'findings' },
    ...findings.map(({ kind, subject, what, advice, seenCount }) =>
      element(
        'li',
        {},
        element('p', {}, element('strong', { text: kind }), ` ${subject}`),
        element('p', { text: what }),
        element('p', { class: 'faint', text: `${advice} Seen ${countText(seenCount)} times.` }),
      ),
    ),
  );
}
