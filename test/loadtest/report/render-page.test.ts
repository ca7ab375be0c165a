import { describe, expect, test } from '@jest/globals';
import type { Page } from '../../../loadtest/report/page.ts';
import { renderPage } from '../../../loadtest/report/render-page.ts';

const page: Page = {
  title: 'a <b> & "c"',
  verdict: { text: 'all thresholds are met', isGood: true },
  facts: [['command', 'npm run loadtest -- soak </dd><script>alert(1)</script>']],
  sections: [
    {
      heading: 'Figures',
      tables: [
        {
          head: ['figure', 'value', ''],
          rows: [
            ['rate', 12_345.678, { text: 'met', isGood: true }],
            ['p99_ms', 'not measured', { text: 'missed', isGood: false }],
          ],
        },
      ],
      charts: [
        {
          title: 'Latency',
          kind: 'time',
          unit: 'ms',
          x: [0, 1],
          lines: [{ label: '</script><script>alert(2)//', values: [1.23456, null] }],
        },
      ],
    },
  ],
};

/** The JSON that the page's script reads. */
function chartsIn(html: string): unknown {
  const text = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(html)![1]!;
  return JSON.parse(text);
}

describe('a report', () => {
  const html = renderPage(page);

  test('asks nobody for anything: no address, no import, and its scripts and styles in it', () => {
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).not.toMatch(/@import|url\(/);
    expect(html).toContain('var uPlot=');
    expect(html).toContain('.u-legend');
    expect(Buffer.byteLength(html)).toBeLessThan(100_000);
  });

  test('is read as text what is text: nothing of a name or a figure becomes markup', () => {
    expect(html).toContain('<title>a &lt;b&gt; &amp; &quot;c&quot;</title>');
    expect(html).not.toContain('alert(1)</script>');
    expect(html).not.toContain('</script><script>alert(2)');
    expect(chartsIn(html)).toEqual([
      {
        title: 'Latency',
        kind: 'time',
        unit: 'ms',
        x: [0, 1],
        lines: [{ label: '</script><script>alert(2)//', values: [1.235, null] }],
      },
    ]);
  });

  test('says of a threshold in words and colour whether it is met, and sets numbers apart', () => {
    expect(html).toContain('<td class="number">12,345.68</td><td class="good">✓ met</td>');
    expect(html).toContain('<td class="number">not measured</td><td class="bad">✗ missed</td>');
  });

  test('has a place for each chart', () => {
    expect(html.split('class="chart"')).toHaveLength(2);
  });
});
