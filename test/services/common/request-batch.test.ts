import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../../../services/common/errors.ts';
import { readBatch } from '../../../services/common/request-batch.ts';

interface Entry {
  no: string;
  count: number;
  parts: { name: string }[];
}

const read = (body: unknown): Entry[] =>
  readBatch<Entry>(body, { field: 'entries', maxCount: 3, key: 'no' }, (entry) => ({
    no: entry.text('no', /^[A-Z]+$/, 'capital letters'),
    count: entry.wholeNumber('count', 1, 9),
    parts: entry.list('parts', 2, (part) => ({ name: part.text('name', /^\w+$/, 'a word') })),
  }));

const good = { no: 'A', count: 1, parts: [{ name: 'x' }] };

function fieldsOf(body: unknown): string[] {
  try {
    read(body);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error).toMatchObject({ code: 'REQUEST.INVALID', kind: 'invalid' });
    return error.fields.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe('a batch', () => {
  it('is read as it was sent', () => {
    const other = { ...good, no: 'B' };
    expect(read({ entries: [good, other] })).toEqual([good, other]);
  });

  it.each<[unknown, string]>([
    [undefined, ': is missing, it must be an object'],
    [[], ': is a list, it must be an object'],
    ['text', ': is "text", it must be an object'],
    [{}, 'entries: is missing, it must be a list'],
    [{ entries: [] }, 'entries: has 0 entries, 1 to 3 are allowed'],
    [{ entries: [good, good, good, good] }, 'entries: has 4 entries, 1 to 3 are allowed'],
    [{ entries: [null] }, 'entries[0]: is null, it must be an object'],
    [{ entries: [good], more: 1 }, 'more: should not exist'],
    [
      { entries: [good, good] },
      'entries[1].no: is "A" again, as in entries[0]; there must be one entry each',
    ],
    [{ entries: [{ ...good, no: 'a' }] }, 'entries[0].no: is "a", it must be capital letters'],
    [
      { entries: [{ ...good, no: 'A'.repeat(70) + '!' }] },
      `entries[0].no: is "${'A'.repeat(64)}"…, it must be capital letters`,
    ],
    [
      { entries: [{ ...good, count: 1.5 }] },
      'entries[0].count: is 1.5, it must be a whole number from 1 to 9',
    ],
    [
      { entries: [{ ...good, count: '1' }] },
      'entries[0].count: is "1", it must be a whole number from 1 to 9',
    ],
    [
      { entries: [{ ...good, parts: [{ name: {} }] }] },
      'entries[0].parts[0].name: is an object, it must be a word',
    ],
    [{ entries: [{ ...good, toString: 1 }] }, 'entries[0].toString: should not exist'],
  ])('that is wrong names the field: %#', (body, first) => {
    expect(fieldsOf(body)[0]).toBe(first);
  });

  it('does not take what every object inherits for a field', () => {
    expect(fieldsOf({ entries: [{ count: 1, parts: good.parts }] })).toEqual([
      'entries[0].no: is missing, it must be capital letters',
    ]);
  });

  it('lists twenty problems at most', () => {
    const parts = [{ name: '!' }, { name: '!' }];
    const entries = Array.from({ length: 3 }, () => ({ no: '1', count: 0, parts, ...junk }));
    expect(fieldsOf({ entries })).toHaveLength(20);
  });
});

const junk = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`junk${index}`, 1]));
