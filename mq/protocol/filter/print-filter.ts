import type { FilterNode } from './filter-node.ts';
import type { FilterNumber } from './java-numbers.ts';

/** A filter as an expression that is read as the same filter, every operator in parentheses of its own. */
export function printFilter(node: FilterNode): string {
  switch (node.type) {
    case 'property':
      return node.name;
    case 'text':
      return quoted(node.text);
    case 'number':
      return printNumber(node.number);
    case 'truth':
      return node.truth === null ? 'NULL' : String(node.truth).toUpperCase();
    case 'negate':
      return `(- ${printFilter(node.operand)})`;
    case 'cast':
      return printFilter(node.operand);
    case 'not':
      return `(NOT ${printFilter(node.operand)})`;
    case 'and':
      return `(${node.operands.map(printFilter).join(' AND ')})`;
    case 'or':
      return `(${node.operands.map(printFilter).join(' OR ')})`;
    case 'equal':
      return `(${printFilter(node.left)} = ${printFilter(node.right)})`;
    case 'isNull':
      return `(${printFilter(node.operand)} IS NULL)`;
    case 'compare':
      return `(${printFilter(node.left)} ${node.relation} ${printFilter(node.right)})`;
    case 'in': {
      const list = Array.from(node.texts, quoted).join(', ');
      return `(${node.name}${node.isNegated ? ' NOT' : ''} IN (${list}))`;
    }
    case 'search': {
      const word = node.isNegated ? `NOT ${node.word}` : node.word;
      return `(${printFilter(node.operand)} ${word} ${quoted(node.search.text)})`;
    }
    default:
      return node satisfies never;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A double must not look like an integer. */
function printNumber({ kind, value }: FilterNumber): string {
  const digits = String(value);
  return kind === 'double' && /^\d+$/.test(digits) ? `${digits}.0` : digits;
}
