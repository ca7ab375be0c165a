import { element } from './elements.js';

/** The server gives up first: after 60 s at a broker that starts, sooner elsewhere. */
const ANSWER_TIMEOUT_MS = 65_000;

/** A request that was refused, or has no answer. What it says is the service's own text. */
export class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {{ status?: number, fields?: readonly { field: string, message: string }[] }} [more]
   */
  constructor(title, detail, { status = 0, fields = [] } = {}) {
    super(detail);
    this.title = title;
    /** 0: there is no answer. */
    this.status = status;
    this.fields = fields;
  }

  /** Whether the service has refused it for good. Otherwise nobody knows whether it was done. */
  get isFinal() {
    return this.status >= 400 && this.status < 500;
  }
}

/**
 * Asks the shop. Errors: Problem.
 *
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, key?: string }} [options] `key`: the Idempotency-Key
 * @returns {Promise<{ body: any, isRepeat: boolean }>}
 */
export async function ask(method, path, { body, key } = {}) {
  let answer;
  let text;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem('No answer', `The shop page's own process does not answer (${why}).`);
  }
  const { status } = answer;
  const json = jsonOf(text);
  if (answer.ok) {
    return { body: json, isRepeat: answer.headers.get('idempotency-replayed') === 'true' };
  }
  const { title = answer.statusText || `Status ${status}`, detail = text, errors } = json ?? {};
  throw new Problem(title, detail, { status, fields: Array.isArray(errors) ? errors : [] });
}

/** @param {string} text */
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's error page, say: it is shown as it came.
    return undefined;
  }
}

/**
 * Where the outcome of a control stands, beside it. A screen reader is told.
 *
 * @returns {HTMLDivElement}
 */
export function outcomePlace() {
  return element('div', { class: 'outcome', role: 'status' });
}

/**
 * @param {Element} outcome
 * @param {string} text
 * @param {'said' | 'repeat' | 'problem'} [kind]
 */
export function showSaid(outcome, text, kind = 'said') {
  outcome.replaceChildren(element('p', { class: kind, text }));
}

/**
 * @param {Element} outcome
 * @param {unknown} error A Problem; anything else is a mistake of the page, and is thrown on.
 */
export function showProblem(outcome, error) {
  if (!(error instanceof Problem)) throw error;
  const title = error.status === 0 ? error.title : `${error.status} ${error.title}`;
  const unsaid = error.fields.filter(({ message }) => !error.message.includes(message));
  outcome.replaceChildren(
    element('p', { class: 'problem' }, element('strong', { text: `${title}: ` }), error.message),
    // What the sentence has said already is not said twice.
    ...unsaid.map(({ field, message }) =>
      element('p', { class: 'problem' }, element('code', { text: field }), ` ${message}`),
    ),
  );
}
