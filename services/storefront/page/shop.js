'use strict';

/** Lists what there is to buy. */
async function showCatalogue() {
  const answer = await fetch('api/catalogue');
  const { currency, products, detail } = await answer.json();
  const list = document.createElement('ul');
  for (const { name, unitPriceMinor } of products ?? []) {
    const item = document.createElement('li');
    item.textContent = `${name}: ${(unitPriceMinor / 100).toFixed(2)} ${currency}`;
    list.append(item);
  }
  document.querySelector('main').replaceChildren(answer.ok ? list : detail);
}

void showCatalogue();
