/* Runs in the browser, before the page: notes what moves without the user having done anything. */
globalThis.moved = [];
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    const what = sources.map(({ node, previousRect, currentRect }) => {
      const name = node === null ? 'something gone' : `${node.nodeName}.${node.className ?? ''}`;
      const [from, to] = [previousRect, currentRect].map(({ x, y }) => `${x},${y}`);
      return `${name} from ${from} to ${to}`;
    });
    globalThis.moved.push(`${value.toFixed(6)}: ${what.join('; ')}`);
  }
}).observe({ type: 'layout-shift', buffered: true });
