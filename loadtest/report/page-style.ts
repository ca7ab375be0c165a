/**
 * Eight colours that stay apart for the colour-blind, on paper white and on near black; the charts read them from here
 * and are drawn again when the reader's system goes from light to dark.
 */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f6f7f9; --edge: #d9dde3; --text: #1b1f24; --quiet: #5b6572;
  --good: #0a6b3d; --bad: #b3261e; --grid: #e4e7ec;
  --c0: #0067b8; --c1: #c2570c; --c2: #00795c; --c3: #8a3fa0; --c4: #8f6a00; --c5: #0086a3; --c6: #b83268; --c7: #5d6b7a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --panel: #1c2026; --edge: #343b45; --text: #e8ebef; --quiet: #a3adb9;
    --good: #5fd39a; --bad: #ff8a80; --grid: #2b313a;
    --c0: #5cb0ff; --c1: #ff9d57; --c2: #46cfa4; --c3: #cf93e6; --c4: #e0b84a; --c5: #4fcbe8; --c6: #ff86b0; --c7: #a9b6c4;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
  background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 0 0 0.25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0 0 0.75rem; max-width: 75ch; }
.verdict { font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; margin: 1rem 0 0; font-size: 0.9rem; }
.facts dt { color: var(--quiet); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table.figures { border-collapse: collapse; font-size: 0.92rem; }
.figures th, .figures td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--edge); text-align: left; white-space: nowrap; }
.figures th { color: var(--quiet); font-weight: 500; }
.figures .number { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: 1rem; }
.charts figure:first-child:nth-last-child(odd) { grid-column: 1 / -1; }
figure { margin: 0; padding: 0.9rem 0.9rem 0.4rem; background: var(--panel); border: 1px solid var(--edge); border-radius: 6px; min-width: 0; }
figcaption strong { display: block; }
figcaption span { color: var(--quiet); font-size: 0.88rem; }
.chart { width: 100%; min-height: 300px; }
.uplot, .u-legend { color: var(--text); }
.u-legend { font-size: 0.82rem !important; text-align: left !important; margin: 0 !important; }
.u-legend .u-value { font-variant-numeric: tabular-nums; }
@media (max-width: 36rem) {
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 0.4rem; }
  figure { padding: 0.6rem 0.5rem 0.3rem; }
}
@media print { figure { break-inside: avoid; } }
`;
