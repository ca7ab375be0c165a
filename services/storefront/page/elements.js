/** @typedef {{ [name: string]: any }} Attributes */

/**
 * Makes an element: `element('p', { class: 'faint', text: 'None yet.' }, child)`.
 *
 * `text` is set as text, so that nothing a service says becomes markup; `on` takes listeners; the rest are attributes, of
 * which true is an empty one, and false or undefined none.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes & { text?: string, on?: Record<string, (event: any) => void> }} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? '' : String(value));
    }
  }
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener);
  made.append(...children);
  return made;
}

/**
 * A place of the page, which index.html has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function place(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Sets a text only when it is another: what a screen reader is at, and a selection, stay as they are.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * A button that does one thing at a time.
 *
 * @param {string} text
 * @param {() => Promise<void>} act
 * @param {Attributes} [attributes]
 */
export function actionButton(text, act, attributes = {}) {
  const button = element('button', { type: 'button', text, ...attributes });
  const press = async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    // Not `disabled`, which would take the focus away from under the keyboard.
    button.setAttribute('aria-disabled', 'true');
    try {
      await act();
    } finally {
      button.removeAttribute('aria-disabled');
    }
  };
  button.addEventListener('click', () => void press());
  return button;
}
