import { expect } from '@jest/globals';
import { PropertyFilter } from '../../../mq/protocol/filter/property-filter.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client } from '../support/client.ts';

export const filters: Behaviours = {
  heading: 'Filters: another sends, the client selects',
  behaviours: [
    {
      title: 'none of another tag that has the same hash',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic();
        await using consumer = await client.consume({ topic, group, tags: 'Aa || C' });
        await other.produce({ topic, count: 20, tags: 'Aa,BB,C,D' });
        const received = await consumer.distinct(10);
        expect(new Set(received.map(({ tags }) => tags))).toEqual(new Set(['Aa', 'C']));
      },
    },
    {
      title: 'only what its SQL92 expression wants, retries too',
      isSlow: true,
      run: consumesBySql,
    },
    { title: 'the same messages by each of some 60 SQL92 expressions', run: selectsAlike },
    {
      title: 'is told that its SQL92 expression does not parse',
      absent: [{ client: /^Go/, why: 'The Go client asks no broker about its expression.' }],
      run: async (cell) => {
        const { client, topic, group } = cell;
        await cell.createTopic(1);
        for (const sql of ['amount >', "amount > 'x'", 'amount BETWEEN 2 AND 1', 'amount = NULL']) {
          const refusal = await client.check({ topic, group, sql });
          expect([sql, refusal]).toEqual([
            sql,
            expect.objectContaining({ code: 'SUBSCRIPTION_PARSE_FAILED' }),
          ]);
        }
        expect(await client.check({ topic, group, sql: 'amount > 1' })).toBe('TAKEN');
      },
    },
  ],
};

/** The failed message comes back by the retry topic, which nobody filters. */
async function consumesBySql(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  await send(other, topic, { early: { amount: '500', region: 'EU' } });
  await using consumer = await client.consume({
    topic,
    group,
    sql: "amount > 100 AND region IN ('EU', 'UK') AND TAGS = 'TagA'",
    'fail-times': 1,
    level: 1,
  });
  await send(other, topic, {
    low: { amount: '99', region: 'EU' },
    far: { amount: '101', region: 'US' },
    high: { amount: '101', region: 'UK' },
    none: { region: 'EU' },
    word: { amount: 'many', region: 'EU' },
    last: { amount: '2147483647', region: 'EU' },
  });
  const wanted = ['early', 'high', 'last'];
  const received = await consumer.gets(
    (messages) => messages.filter(({ reconsumeTimes }) => reconsumeTimes > 0).length >= 3,
    'three messages, each a second time',
  );
  expect(new Set(received.map(({ key }) => key))).toEqual(new Set(wanted.map((key) => `${key}-0`)));
}

type Messages = Readonly<Record<string, Readonly<Record<string, string>>>>;

async function send(sender: Client, topic: string, messages: Messages): Promise<void> {
  for (const [key, properties] of Object.entries(messages)) {
    const encoded = Object.entries(properties).map(([name, value]) => `${name}\u0001${value}`);
    await sender.produce({ topic, prefix: `${key}-`, properties: encoded.join('\u0002') });
  }
}

/** What ours selects is worked out here, and compared with what each broker selects. */
async function selectsAlike(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  await send(other, topic, messages);
  const wrong: string[] = [];
  for (const sql of expressions) {
    const filter = new PropertyFilter(sql);
    const expected = Object.entries(messages)
      .filter(([, properties]) => {
        const all = { TAGS: 'TagA', ...properties };
        return filter.matches(new Map(Object.entries(all)));
      })
      .map(([key]) => `${key}-0`);
    const selected = await client.select({ topic, group, sql });
    if (selected.join() !== expected.join()) {
      wrong.push(`${sql}: selected ${selected.join()}, expected ${expected.join()}`);
    }
  }
  expect(wrong).toEqual([]);
}

const messages: Messages = {
  five: { a: '5' },
  plus: { a: '+5' },
  zeros: { a: '005' },
  decimal: { a: '5.0', b: '5' },
  blanks: { a: ' 5 ', b: ' 5' },
  more: { a: '5.5', b: '5.50' },
  tenth: { a: '.1d', b: '1e-1' },
  ten: { a: '10', b: '9' },
  minus: { a: '-3', b: '-3.0' },
  minusZero: { a: '-0.0', b: '0.0' },
  int: { a: '2147483647' },
  long: { a: '2147483648', b: '3000000000' },
  longest: { a: '9223372036854775807', b: '9223372036854775806' },
  tooLong: { a: '9223372036854775808', b: '1e400' },
  nan: { a: 'NaN', b: 'Infinity' },
  word: { a: 'five', b: '5' },
  yes: { a: 'true', b: 'TRUE' },
  no: { a: 'false', b: 'no' },
  quote: { a: "it's", b: "''" },
  case: { A: '5', a: 'Five' },
  nothing: { c: '5' },
  second: { b: '5', c: 'axb' },
  same: { a: 'x', b: 'x', c: 'ab' },
  accents: { a: 'grüß', b: '数', _x$1: '1' },
};

const expressions: readonly string[] = [
  'a = 5',
  'a <> 5',
  'a = 5.0',
  'a <> 5.0',
  "a = '5'",
  "a <> '5'",
  '5 = a',
  '5.0 <> a',
  'a > 4',
  'a >= 5.0',
  'a < 10 AND a > -4',
  'a <= -3',
  'a > 3000000000',
  'a = 9223372036854775807',
  'a > 0.1',
  'a < 0.2',
  'b >= 0.1',
  'a BETWEEN 5 AND 10',
  'a BETWEEN 4.5 AND 5.5',
  'a NOT BETWEEN 5 AND 10',
  'a NOT BETWEEN 10 AND 5',
  'a BETWEEN b AND 10.5',
  "a IN ('5', 'five', 'x')",
  "a NOT IN ('5', 'five', 'x')",
  "a IN ('1', '2', '3', '4', '5', '10')",
  'a IS NULL',
  'a IS NOT NULL',
  '(a = 5) IS NULL',
  'a IS NULL AND c IS NOT NULL',
  'a = b',
  'a <> b',
  'b <> a',
  'a > b',
  'a <= b',
  'd = e',
  'd <> e',
  'a = TRUE',
  'a <> TRUE',
  'a = FALSE',
  'TRUE = a',
  'TRUE',
  'FALSE OR NULL',
  'a',
  'NOT a',
  'NOT a = 5',
  'NOT (a = 5)',
  'NOT a IS NULL',
  'b = 5 OR a = 5',
  'a = 5 OR b = 5',
  'b = 5 AND a IS NULL OR FALSE',
  '-a = 5',
  'a > -5 AND a < - -6',
  "c CONTAINS 'x'",
  "c NOT CONTAINS 'x'",
  "NOT (c CONTAINS 'x')",
  "c STARTSWITH 'a' AND c ENDSWITH 'b'",
  "c NOT STARTSWITH 'ax'",
  "c CONTAINS ''",
  "a = 'it''s' OR b = ''''''",
  "a = 'grüß' AND b = '数' AND _x$1 = 1",
  'A = 5 AND a IS NOT NULL',
  "TAGS = 'TagA' AND a = 5 /* and */ OR FALSE",
  '(a = 5) = (b = 5)',
  'a = (b = 5)',
];
