import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { behaviours } from './behaviours/behaviours.ts';
import { absenceOf, Cell, type Behaviour, type BrokerName } from './support/cell.ts';
import { Client } from './support/client.ts';
import { Clusters } from './support/clusters.ts';
import { renderMatrix, type Column, type Outcome, type Row } from './support/matrix.ts';
import {
  goPeer,
  javaPeer,
  offsetsDirectory,
  ourPeer,
  type PeerKind,
  type SerializeType,
} from './support/peer-kinds.ts';
import { killPeers, Peer } from './support/peer.ts';
import { javaVersions } from './support/toolchain.ts';

const matrixPath = join(import.meta.dirname, 'MATRIX.md');
const introduction = `
# Who works with whom

Written by \`npm run test:interop\`, which tries every cell: one row a behaviour, one column a client on a broker.
Millrace is this repository's client and broker, as built; the others are Apache RocketMQ's own.

✓ as the row says. ≈ it ran, and fell short by what the note names at most. — not there to be tried, for the reason
that the note gives. ✗ failed. "Another" client is Millrace's, and for Millrace the newest Java.
`;

const kinds = kindsWith('JSON');
const brokers: BrokerName[] = ['Millrace', 'RocketMQ 5.5.0'];
const columns: (Column & { broker: BrokerName })[] = brokers.flatMap((broker) =>
  kinds.map(({ name }) => ({ broker, client: name })),
);
const rows: (Row & { behaviour: Behaviour; id: string })[] = behaviours.flatMap(
  ({ heading, behaviours: ofHeading }, page) =>
    ofHeading.map((behaviour, line) => ({
      heading,
      title: behaviour.title,
      behaviour,
      id: `${page + 1}-${line + 1}`,
    })),
);

const outcomes = new Map<string, Outcome>();
const cellKey = (row: Row, column: Column): string =>
  `${row.heading}/${row.title}/${column.client}/${column.broker}`;
const peers = new Map<string, Peer>();
let clusters: Clusters;

beforeAll(async () => {
  clusters = await Clusters.start();
  for (const serializeType of ['JSON', 'ROCKETMQ'] as const) {
    for (const kind of kindsWith(serializeType)) {
      peers.set(`${kind.name} ${serializeType}`, await Peer.start(kind));
    }
  }
});
afterAll(async () => {
  killPeers();
  await clusters?.[Symbol.asyncDispose]();
  await rm(offsetsDirectory, { recursive: true, force: true });
});

const cells = rows
  .toSorted((a, b) => Number(b.behaviour.isSlow ?? false) - Number(a.behaviour.isSlow ?? false))
  .flatMap((row) => columns.map((column) => ({ ...column, title: row.title, row, column })));

function kindsWith(serializeType: SerializeType): PeerKind[] {
  return [
    javaPeer(javaVersions.newest5, serializeType),
    javaPeer(javaVersions.newest49, serializeType),
    goPeer,
    ourPeer(serializeType),
  ];
}

describe('the matrix', () => {
  it.concurrent.each(cells)('$client on $broker: $title', async ({ row, column }) => {
    const key = cellKey(row, column);
    const absence = absenceOf(row.behaviour, column.client, column.broker);
    if (absence !== undefined) {
      outcomes.set(key, { kind: 'absent', why: absence });
      return;
    }
    outcomes.set(key, { kind: 'failed' });
    const cluster = clusters.get(column.broker);
    const clientOf = (name: string, serializeType: SerializeType = 'JSON'): Client =>
      new Client(peers.get(`${name} ${serializeType}`)!, cluster.namesrvAddr);
    const client = clientOf(column.client, row.behaviour.serializeType);
    const other = column.client === 'Millrace' ? `Java ${javaVersions.newest5}` : 'Millrace';
    const name = `${row.id}-${column.client}-${column.broker}`.replaceAll(/\W/g, '_');
    await using cell = new Cell(cluster, client, clientOf(other), name);
    const limit = await row.behaviour.run(cell);
    outcomes.set(key, limit === undefined ? { kind: 'passed' } : { kind: 'limited', why: limit });
  });

  it('is what MATRIX.md says; if it changed for good, commit the file as it now is', async () => {
    const missing = cells.filter(({ row, column }) => !outcomes.has(cellKey(row, column)));
    expect(missing.map(({ client, broker, title }) => `${client} on ${broker}: ${title}`)).toEqual(
      [],
    );
    const before = await readFile(matrixPath, 'utf8').catch(() => '');
    const rendered = renderMatrix(introduction, columns, rows, (row, column) =>
      outcomes.get(cellKey(row, column))!,
    );
    // As `npm run check` wants every file of the tree.
    const now = await format(rendered, { parser: 'markdown' });
    await writeFile(matrixPath, now);
    expect(now).toBe(before);
  });
});
