import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { quickStart } from '../../../infra/rocketmq/official-servers.ts';
import { goPeerPath, javaClasspath, type JavaVersion } from './toolchain.ts';

/** How to start a peer: an official client of some version, or our own. */
export interface PeerKind {
  readonly name: string;
  /** What its messages carry as property `origin`. */
  readonly origin: string;
  readonly commandLine: () => Promise<{ file: string; args: string[] }>;
}

const javaHome = join(tmpdir(), 'millrace-java-peer');
/** Where broadcasting consumers of all kinds keep how far they got. */
export const offsetsDirectory = join(tmpdir(), `millrace-peers-offsets-${process.pid}`);

export type SerializeType = 'JSON' | 'ROCKETMQ';

export function javaPeer(version: JavaVersion, serializeType: SerializeType = 'JSON'): PeerKind {
  return {
    name: `Java ${version}`,
    origin: 'java',
    commandLine: async () => ({
      file: 'java',
      args: [
        '-Xmx256m',
        ...quickStart,
        `-Drocketmq.serialize.type=${serializeType}`,
        // A consumer looks again for its queues after 20 s by default.
        '-Drocketmq.client.rebalance.waitInterval=2000',
        // Its log would go to the home directory of whoever runs the tests, and what it broadcasts, too.
        `-Duser.home=${javaHome}`,
        `-Drocketmq.client.localOffsetStoreDir=${offsetsDirectory}`,
        '-cp',
        await javaClasspath(version),
        'peer.Peer',
      ],
    }),
  };
}

export const goPeer: PeerKind = {
  name: 'Go v2.1.2',
  origin: 'go',
  commandLine: async () => ({
    file: 'env',
    args: [`rocketmq.client.localOffsetStoreDir=${offsetsDirectory}`, await goPeerPath()],
  }),
};

/** Our client as built: `npm run test:interop` builds first. */
export function ourPeer(serializeType: SerializeType = 'JSON'): PeerKind {
  return {
    name: 'Millrace',
    origin: 'ours',
    commandLine: () =>
      Promise.resolve({
        file: process.execPath,
        args: [resolve(import.meta.dirname, '..', 'ours', 'peer.mjs'), serializeType],
      }),
  };
}
