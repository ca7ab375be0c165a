/**
 * The tabs, by pointer, arrow keys, Home and End; the address keeps which one is shown.
 *
 * @param {(shown: string) => void} onShown
 */
export function startTabs(onShown) {
  const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[role=tab]')]);
  const panelOf = (/** @type {HTMLElement} */ tab) => tab.getAttribute('aria-controls') ?? '';

  /** @param {HTMLElement} chosen */
  const show = (chosen) => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(panelOf(tab));
      if (panel !== null) panel.hidden = !isChosen;
    }
    document.title = `${chosen.textContent?.trim()} · Millrace`;
    onShown(panelOf(chosen));
  };
  const showAddressed = () => {
    const addressed = tabs.find((tab) => `#${panelOf(tab)}` === location.hash);
    show(addressed ?? /** @type {HTMLElement} */ (tabs[0]));
  };

  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener('click', () => {
      history.replaceState(null, '', `#${panelOf(tab)}`);
      show(tab);
    });
    tab.addEventListener('keydown', ({ key }) => {
      const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[key];
      const next = target === undefined ? undefined : tabs.at(target % tabs.length);
      next?.focus();
      next?.click();
    });
  }
  addEventListener('hashchange', showAddressed);
  showAddressed();
}
