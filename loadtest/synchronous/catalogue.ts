/** What the shop's own catalogue sells, in minor units. In memory: prices cost the variant without a queue nothing. */
const prices: Readonly<Record<string, number>> = {
  'TEA-GREEN-100': 690,
  'TEA-BLACK-100': 590,
  'TEA-OOLONG-50': 1_290,
  'COFFEE-250': 849,
  'COFFEE-1000': 2_899,
  'MUG-BLUE': 1_200,
  'MUG-WHITE': 1_200,
  'POT-GLASS': 3_450,
  'KETTLE-STEEL': 5_990,
  'GRINDER-HAND': 4_500,
  'FILTER-40': 299,
  'HONEY-500': 799,
};

export const skus: readonly string[] = Object.keys(prices);

export function priceOf(sku: string): number | undefined {
  return Object.hasOwn(prices, sku) ? prices[sku] : undefined;
}
