import { CatalogueReader } from './catalogue.js';
import { DeadLetters } from './dead-letters.js';
import { place, setText } from './elements.js';
import { FigureCharts, Health } from './figures.js';
import { FlashSale } from './flash-sale.js';
import { clockText } from './formats.js';
import { LiveStream } from './live-stream.js';
import { OrderForm } from './order-form.js';
import { Orders } from './orders.js';
import { QueueTables } from './queue-tables.js';
import { SwitchBoard } from './switches.js';
import { startTabs } from './tabs.js';

const catalogue = new CatalogueReader();
/** @type {Map<string, string>} */
const names = new Map();
catalogue.follow(({ products }) => {
  for (const { sku, name } of products) names.set(sku, name);
});

const health = new Health();
const figureCharts = new FigureCharts();
const switches = new SwitchBoard();
const queueTables = new QueueTables();
const deadLetters = new DeadLetters();
const sale = new FlashSale(catalogue);

const connection = place('connection');
/** @type {number | undefined} */
let lastHeardAt;
/** What cannot be read just now, by the part of the page. @type {Map<string, string>} */
const problems = new Map();

/**
 * @param {'live' | 'broken' | 'problem'} state
 * @param {string} text
 */
function sayConnection(state, text) {
  connection.dataset['state'] = state;
  setText(connection, text);
  connection.title = text;
}

function sayLive() {
  const [text] = problems.values();
  if (text === undefined) sayConnection('live', 'Live');
  else sayConnection('problem', text);
}

const stream = new LiveStream(
  {
    order: (watched) => orders.show(watched),
    figures: (figures) => {
      lastHeardAt = Date.now();
      health.show(figures);
      figureCharts.add(figures);
    },
    switches: (state) => switches.show(state),
    queues: (side) => {
      queueTables.show(side);
      deadLetters.show(side);
    },
    sale: (now) => sale.show(now),
    problem: ({ part, message }) => {
      if (message === '') problems.delete(part);
      else problems.set(part, message);
      sayLive();
    },
  },
  (isLive) => {
    document.body.classList.toggle('is-stale', !isLive);
    problems.clear();
    if (isLive) return sayLive();
    health.forget();
    const since = lastHeardAt === undefined ? '' : ` What you see is of ${clockText(lastHeardAt)}.`;
    sayConnection('broken', `Not connected, trying again.${since}`);
  },
);
const orders = new Orders(
  (sku) => names.get(sku) ?? sku,
  (orderNos) => stream.watch({ orderNos }),
);
const orderForm = new OrderForm(catalogue, (request) => orders.placeNew(request));
place('order-form').append(orderForm.root);

startTabs((shown) => stream.watch({ isQueueSideShown: shown === 'queues' }));
stream.start();
void catalogue.start();
document.body.classList.add('is-drawn');
