import * as fc from 'fast-check';

/**
 * Filters as the original's classes have them, one closure an operator, over Java's boxed values and with its exceptions:
 * slow, and written without a look at `mq/protocol/filter`, which is compared with it.
 */
export type Boxed =
  | { class: 'String'; value: string }
  | { class: 'Boolean'; value: boolean }
  | { class: 'Integer' | 'Long'; value: bigint }
  | { class: 'Double'; value: number };

export class JavaException extends Error {}

export type Properties = ReadonlyMap<string, string>;
export type Evaluate = (properties: Properties) => Boxed | null;

/** A piece of an expression: its text, and what it gives. */
export interface Piece {
  text: string;
  run: Evaluate;
}

/** What the original's broker makes of it: only true is a match, an exception is none. */
export function selects({ run }: Piece, properties: Properties): boolean {
  try {
    const result = run(properties);
    return result !== null && result.class === 'Boolean' && result.value;
  } catch (error) {
    if (error instanceof JavaException) return false;
    throw error;
  }
}

const bool = (value: boolean): Boxed => ({ class: 'Boolean', value });

function parse(text: string, into: Boxed['class']): Boxed {
  if (into === 'Boolean') return bool(/^true$/i.test(text));
  if (into === 'Double') {
    const trimmed = text.trim();
    const isNumber = /^[+-]?(\d+|\d+\.\d*|\.\d+)(e[+-]?\d+)?[fd]?$/i.test(trimmed);
    if (!isNumber && trimmed !== 'NaN') throw new JavaException(text);
    return { class: 'Double', value: parseFloat(trimmed) };
  }
  if (into === 'String') return { class: 'String', value: text };
  if (!/^[+-]?\d+$/.test(text)) throw new JavaException(text);
  const value = BigInt(text.replace('+', ''));
  const bits = into === 'Integer' ? 32 : 64;
  if (BigInt.asIntN(bits, value) !== value) throw new JavaException(text);
  return { class: into, value };
}

/** Comparable.compareTo of two of one class. */
function compareTo(left: Boxed, right: Boxed): number {
  if (left.class === 'Double') {
    const [a, b] = [left.value, right.value as number];
    // NaN is above everything and equal to itself.
    if (Number.isNaN(a) || Number.isNaN(b))
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : Number(a > b);
  }
  return left.value < right.value ? -1 : Number(left.value > right.value);
}

function compare(left: Boxed, right: Boxed): number {
  if (left.class === right.class) return compareTo(left, right);
  if (left.class === 'Boolean') {
    if (right.class === 'String') throw new JavaException('ClassCastException');
    return -1;
  }
  if (left.class === 'String') return compare(parse(left.value, right.class), right);
  if (right.class === 'String') return compare(left, parse(right.value, left.class));
  if (right.class === 'Boolean') return -1;
  if (left.class === 'Double' || right.class === 'Double') {
    return compareTo(
      { class: 'Double', value: Number(left.value) },
      { class: 'Double', value: Number(right.value) },
    );
  }
  return compareTo({ class: 'Long', value: left.value }, { class: 'Long', value: right.value });
}

const equals =
  (left: Evaluate, right: Evaluate): Evaluate =>
  (properties) => {
    const [l, r] = [left(properties), right(properties)];
    if ((l === null) !== (r === null)) return l === null ? null : bool(false);
    if (l === null || r === null) return bool(true);
    return bool(compare(l, r) === 0);
  };

const not =
  (operand: Evaluate): Evaluate =>
  (properties) => {
    const value = operand(properties);
    return value === null ? null : bool(value.value === false);
  };

const junction =
  (decisive: boolean, left: Evaluate, right: Evaluate): Evaluate =>
  (properties) => {
    const l = left(properties);
    if (l?.value === decisive) return bool(decisive);
    const r = right(properties);
    if (r?.value === decisive) return bool(decisive);
    return l === null || r === null ? null : bool(!decisive);
  };

const ordered =
  (sign: string, left: Evaluate, right: Evaluate): Evaluate =>
  (properties) => {
    const l = left(properties);
    if (l === null) return null;
    const r = right(properties);
    if (r === null) return null;
    const areTexts = l.class === 'String' && r.class === 'String';
    const order = areTexts
      ? compareTo(parse(l.value, 'Double'), parse(r.value, 'Double'))
      : compare(l, r);
    return bool({ '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[sign]!);
  };

const negative =
  (operand: Evaluate): Evaluate =>
  (properties) => {
    const value = operand(properties);
    if (value === null || value.class === 'String' || value.class === 'Boolean') return null;
    return value.class === 'Double'
      ? { class: 'Double', value: -value.value }
      : { class: value.class, value: -value.value };
  };

const cast =
  (operand: Evaluate): Evaluate =>
  (properties) =>
    operand(properties) === null ? null : bool(false);

const searches: Record<string, (value: string, part: string) => boolean> = {
  CONTAINS: (value, part) => value.split(part).length > 1,
  STARTSWITH: (value, part) => value.slice(0, part.length) === part,
  ENDSWITH: (value, part) => value.slice(-part.length) === part,
};

const propertyName = fc.constantFrom('a', 'b', '_c', '$d9', 'Tags');
const plainText = fc.constantFrom<string[]>(
  '',
  'x',
  "it's",
  'five',
  'true',
  '5',
  'axb',
  "''",
  'ä\n b',
);
const propertyText = fc.oneof(
  plainText.filter((text) => text !== ''),
  fc.constantFrom(
    '5.0',
    '-3',
    '+7',
    '0005',
    'TRUE',
    '3000000000',
    ' 7 ',
    '1e3',
    'NaN',
    '.5d',
    '1.',
    '-0',
  ),
  fc.constantFrom(
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '2147483648',
  ),
  fc.integer({ min: -10, max: 10 }).map(String),
);

export const someProperties: fc.Arbitrary<Properties> = fc
  .array(fc.tuple(propertyName, propertyText), { maxLength: 5 })
  .map((entries) => new Map(entries));

const property: fc.Arbitrary<Piece> = propertyName.map((name) => ({
  text: name,
  run: (properties) => {
    const value = properties.get(name);
    return value === undefined ? null : { class: 'String', value };
  },
}));
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const text: fc.Arbitrary<Piece> = plainText.map((value) => ({
  text: quoted(value),
  run: () => ({ class: 'String', value }),
}));
const number: fc.Arbitrary<Piece> = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n }).map(integer),
  fc.constantFrom(5n, 2147483647n, 2147483648n, 3000000000n, 9223372036854775807n).map(integer),
  fc.constantFrom('5.0', '.5', '1.', '7E0', '1e3', '2.5e-1').map((source): Piece => ({
    text: source,
    run: () => ({ class: 'Double', value: parseFloat(source) }),
  })),
);

function integer(value: bigint): Piece {
  const boxed: Boxed = { class: value < 2n ** 31n ? 'Integer' : 'Long', value };
  return { text: String(value), run: () => boxed };
}

/** Names of the original are in any case. */
const spelled = (word: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: word.length, maxLength: word.length }).map((isLower) =>
    word
      .split('')
      .map((c, at) => (isLower[at] ? c.toLowerCase() : c))
      .join(''),
  );

const gap = fc.constantFrom(' ', '  ', '\n', '\t', ' /* and */ ', ' -- or\n');

/** An operator between two pieces, or around one, in the loosest text that still binds as it should. */
const infix = (
  word: string,
  left: fc.Arbitrary<Piece>,
  right: fc.Arbitrary<Piece>,
  build: (left: Evaluate, right: Evaluate) => Evaluate,
): fc.Arbitrary<Piece> =>
  fc.tuple(left, gap, spelled(word), gap, right).map(([l, before, sign, after, r]) => ({
    text: `${l.text}${before}${sign}${after}${r.text}`,
    run: build(l.run, r.run),
  }));

const suffix = (
  operand: fc.Arbitrary<Piece>,
  words: string,
  build: (operand: Evaluate) => Evaluate,
): fc.Arbitrary<Piece> =>
  fc
    .tuple(operand, spelled(words))
    .map(([o, w]) => ({ text: `${o.text} ${w}`, run: build(o.run) }));

const inParentheses = (piece: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> =>
  piece.map(({ text: inner, run }) => ({ text: `(${inner})`, run }));

/** A condition that is more than a name or a literal, which parentheses alone would not make it. */
const composed = (piece: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> =>
  piece.map(({ text: inner, run }) => ({
    text: `(${inner} OR FALSE)`,
    run: junction(true, run, () => bool(false)),
  }));

/** Pieces by how tightly they bind; each may stand where a looser one is asked for. */
interface Level {
  condition: fc.Arbitrary<Piece>;
  all: fc.Arbitrary<Piece>;
  equality: fc.Arbitrary<Piece>;
  comparison: fc.Arbitrary<Piece>;
  signed: fc.Arbitrary<Piece>;
  closed: fc.Arbitrary<Piece>;
  /** What has an order: numbers, properties, and their negatives. */
  operand: fc.Arbitrary<Piece>;
}

const truth: fc.Arbitrary<Piece> = fc.oneof(
  spelled('TRUE').map((word): Piece => ({ text: word, run: () => bool(true) })),
  spelled('FALSE').map((word): Piece => ({ text: word, run: () => bool(false) })),
);
const nothing = spelled('NULL').map((word): Piece => ({ text: word, run: () => null }));
const bare = property.map(({ text: name, run }): Piece => ({ text: name, run: cast(run) }));
const list = fc.array(plainText, { minLength: 1, maxLength: 7 });

function simplest(): Level {
  const leaf = fc.oneof(bare, truth, nothing);
  return {
    condition: leaf,
    all: leaf,
    equality: leaf,
    comparison: leaf,
    signed: leaf,
    closed: composed(leaf),
    operand: fc.oneof(property, number),
  };
}

function above(below: Level): Level {
  const closed = composed(below.condition);
  const operand = fc.oneof(
    { weight: 4, arbitrary: property },
    { weight: 2, arbitrary: number },
    inParentheses(below.operand),
    below.operand.map(({ text: inner, run }): Piece => ({ text: `+ ${inner}`, run })),
    fc
      .oneof(below.operand, text, closed)
      .map(({ text: inner, run }): Piece => ({ text: `- ${inner}`, run: negative(run) })),
  );
  const negated = fc
    .tuple(spelled('NOT'), below.signed)
    .map(([word, { text: inner, run }]): Piece => ({ text: `${word} ${inner}`, run: not(run) }));
  const signed = fc.oneof(
    inParentheses(below.condition),
    closed,
    fc.oneof(bare, truth, nothing),
    negated,
  );
  const comparison = fc.oneof(
    signed,
    ...['<', '<=', '>', '>='].map((sign) =>
      infix(sign, operand, operand, (l, r) => ordered(sign, l, r)),
    ),
    between(operand),
    fc.tuple(property, list, fc.boolean()).map(([name, texts, isNegated]): Piece => ({
      text: `${name.text}${isNegated ? ' NOT' : ''} IN (${texts.map(quoted).join(' , ')})`,
      run: (properties) => {
        const value = name.run(properties);
        if (value?.class !== 'String') return null;
        return bool(texts.includes(value.value) !== isNegated);
      },
    })),
    search(fc.oneof(property, property, text, number, closed)),
  );
  const equality = fc.oneof(
    comparison,
    infix('=', fc.oneof(operand, text), fc.oneof(operand, text, truth, closed), equals),
    infix('<>', fc.oneof(operand, text), fc.oneof(operand, text, truth), (l, r) =>
      not(equals(l, r)),
    ),
    infix('=', truth, fc.oneof(property, truth, closed), equals),
    infix('=', closed, fc.oneof(operand, text, closed), equals),
    infix('=', negated, fc.oneof(property, number, closed), equals),
    suffix(negated, 'IS NULL', (o) => equals(o, () => null)),
    // From left to right: what is on the right of = binds tighter than IS.
    infix('=', below.comparison.map(tested), fc.oneof(operand, text, closed), equals),
    suffix(fc.oneof(operand, text, closed), 'IS NULL', (o) => equals(o, () => null)),
    suffix(fc.oneof(operand, text, closed), 'IS NOT NULL', (o) => not(equals(o, () => null))),
  );
  const all = fc.oneof(
    equality,
    infix('AND', below.all, equality, (l, r) => junction(false, l, r)),
  );
  const either = fc.oneof(
    all,
    infix('OR', below.condition, all, (l, r) => junction(true, l, r)),
  );
  return { condition: either, all, equality, comparison, signed, closed, operand };
}

/** IS NULL of a condition, on the left of whatever follows. */
const tested = ({ text: inner, run }: Piece): Piece => ({
  text: `(${inner} OR FALSE) IS NULL`,
  run: equals(
    junction(true, run, () => bool(false)),
    () => null,
  ),
});

function between(operand: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> {
  return fc
    .tuple(operand, property, operand, fc.boolean())
    .map(([value, low, high, isNegated]) => ({
      text: `${value.text}${isNegated ? ' not' : ''} between ${low.text} and ${high.text}`,
      run: isNegated
        ? junction(true, ordered('<', value.run, low.run), ordered('>', value.run, high.run))
        : junction(false, ordered('>=', value.run, low.run), ordered('<=', value.run, high.run)),
    }));
}

function search(operand: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> {
  const word = fc.constantFrom('CONTAINS', 'STARTSWITH', 'ENDSWITH');
  return fc
    .tuple(operand, word, plainText, fc.boolean())
    .map(([where, how, part, isNegated]): Piece => ({
      text: `${where.text}${isNegated ? ' Not' : ''} ${how}${quoted(part)}`,
      run: (properties) => {
        if (part === '') return bool(false);
        const value = where.run(properties);
        if (value?.class !== 'String') return bool(false);
        return bool(searches[how]!(value.value, part) !== isNegated);
      },
    }));
}

/** An expression the original takes, within the limits of ours. */
export const someFilter: fc.Arbitrary<Piece> = above(above(above(simplest()))).condition;
