/* Runs in the browser, before the page: notes what moves without the user having done anything. */
globalThis.moved = [];

/* The browser knows what the user did within the last 500 ms; an answer, or a frame, may take longer than that. */
const actions = [];

/** Begins an action of the user; what is returned ends it, once what came of it has been drawn. */
function begin() {
  const action = { begin: performance.now(), end: Infinity };
  actions.push(action);
  const afterFrames = (count, then) =>
    requestAnimationFrame(() => (count === 1 ? then() : afterFrames(count - 1, then)));
  return () =>
    afterFrames(3, () => {
      action.end = performance.now();
    });
}

for (const type of ['click', 'keydown', 'input']) {
  addEventListener(type, () => begin()(), { capture: true });
}

const theirFetch = globalThis.fetch;
globalThis.fetch = async (path, options) => {
  // The page asks these of its own accord.
  if (/^api\/(live|catalogue)/.test(path)) return await theirFetch(path, options);
  const end = begin();
  try {
    const answer = await theirFetch(path, options);
    await answer.clone().text();
    return answer;
  } finally {
    end();
  }
};

new PerformanceObserver((list) => {
  for (const { hadRecentInput, startTime, value, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    if (actions.some(({ begin, end }) => begin <= startTime && startTime <= end)) continue;
    const what = sources.map(({ node, previousRect, currentRect }) => {
      const name = node === null ? 'something gone' : `${node.nodeName}.${node.className ?? ''}`;
      const [from, to] = [previousRect, currentRect].map(({ x, y }) => `${x},${y}`);
      return `${name} from ${from} to ${to}`;
    });
    globalThis.moved.push(`${value.toFixed(6)}: ${what.join('; ')}`);
  }
}).observe({ type: 'layout-shift', buffered: true });
