import { ask, Problem } from './requests.js';

const REFRESH_MS = 15_000;
const RETRY_MS = 3_000;

/** @typedef {{ sku: string, name: string, unitPriceMinor: number, available?: number }} Product `available` is absent while stock is away. */
/** @typedef {{ currency: string, products: readonly Product[] }} Catalogue */

/** What the shop sells, asked for again and again; what was heard last stays when nobody answers. */
export class CatalogueReader {
  /** @type {((catalogue: Catalogue) => void)[]} */
  #onCatalogue = [];
  /** @type {((problem: Problem | undefined) => void)[]} */
  #onProblem = [];

  /**
   * @param {(catalogue: Catalogue) => void} onCatalogue
   * @param {(problem: Problem | undefined) => void} [onProblem] Undefined: it is over.
   */
  follow(onCatalogue, onProblem = () => undefined) {
    this.#onCatalogue.push(onCatalogue);
    this.#onProblem.push(onProblem);
  }

  async start() {
    let pauseMs = REFRESH_MS;
    try {
      if (!document.hidden) {
        const { body } = await ask('GET', 'api/catalogue');
        for (const told of this.#onCatalogue) told(body);
        for (const told of this.#onProblem) told(undefined);
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      for (const told of this.#onProblem) told(error);
      pauseMs = RETRY_MS;
    }
    setTimeout(() => void this.start(), pauseMs);
  }
}
