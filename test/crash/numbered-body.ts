import { SeededRandom } from '../../infra/seeded-random.ts';

/**
 * The body that a message of this name must have: name, blank, filler of a length that follows from the number at the
 * name's end. Most are short, some reach over several pages.
 */
export function bodyOf(name: string): string {
  const random = new SeededRandom(Number(/\d+$/.exec(name)![0]));
  return `${name} ${'x'.repeat(random.below(random.chance(0.04) ? 20_000 : 300))}`;
}

/** The name that a body begins with; undefined when the body is not the one that belongs to it. */
export function nameIn(body: Buffer): string | undefined {
  const text = body.toString('latin1');
  const name = text.slice(0, text.indexOf(' '));
  return /\d$/.test(name) && bodyOf(name) === text ? name : undefined;
}
