import type { RemotingCommand } from '../../../mq/protocol/frame.ts';
import type { Admin } from '../../../mq/index.ts';
import { until } from '../../support/deadline.ts';
import { Client, type Transactions } from './client.ts';
import { Middleman, type Fate } from './middleman.ts';
import { Peer } from './peer.ts';
import type { PeerKind, SerializeType } from './peer-kinds.ts';

export type BrokerName = 'Millrace' | 'RocketMQ 5.5.0';

/** A name server and a broker that the whole matrix shares. */
export interface Cluster {
  readonly name: BrokerName;
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  readonly admin: Admin;
}

/** One behaviour with one client on one broker: names of its own, and who takes part. */
export class Cell implements AsyncDisposable {
  readonly cluster: Cluster;
  /** Whom the cell is about. */
  readonly client: Client;
  /** The other side of the conversation: ours for an official client, the newest Java for ours. */
  readonly other: Client;
  readonly topic: string;
  readonly group: string;
  readonly #resources: AsyncDisposable[] = [];

  constructor(cluster: Cluster, client: Client, other: Client, name: string) {
    this.cluster = cluster;
    this.client = client;
    this.other = other;
    this.topic = `T-${name}`;
    this.group = `G-${name}`;
  }

  async createTopic(queueCount = 4, topic = this.topic): Promise<string> {
    await this.cluster.admin.createTopic({
      topic,
      readQueueNums: queueCount,
      writeQueueNums: queueCount,
    });
    return topic;
  }

  /** Messages in all queues of a topic, 0 if there is no such topic. */
  async messageCount(topic: string): Promise<number> {
    const { admin } = this.cluster;
    if ((await admin.topicRoute(topic)) === undefined) return 0;
    let count = 0;
    for (const queue of await admin.queues(topic)) {
      // The official broker says −1 for the first offset of a queue that never held anything.
      count += (await admin.maxOffset(queue)) - Math.max(0, await admin.minOffset(queue));
    }
    return count;
  }

  /** A transaction producer of `client`, known to the broker when this settles. */
  async transactions(client = this.client): Promise<Transactions> {
    const first = await this.createTopic(1, `${this.topic}-first`);
    return await client.beginTransactions({ group: this.group, first });
  }

  /** Settles when the broker knows that the group has consumed the topic to its end. */
  async caughtUp(): Promise<void> {
    const { admin } = this.cluster;
    await until(
      async () => {
        const progress = await admin.consumerProgress(this.group, this.topic);
        return progress.every(({ lag, brokerOffset }) => lag === 0 || brokerOffset === 0);
      },
      { timeoutMs: 90_000, pollMs: 100, what: `${this.group} at the end of ${this.topic}` },
    );
  }

  /** The same client, with somebody between it and its cluster. */
  async through(fateOf: (request: RemotingCommand) => Fate): Promise<Client> {
    const middleman = await Middleman.start(this.cluster, fateOf);
    this.#resources.push(middleman);
    return new Client(this.client.peer, middleman.namesrvAddr);
  }

  /** The same kind of client in a process of its own, to be killed. */
  async spare(kind: PeerKind = this.client.peer.kind): Promise<Client> {
    const peer = await Peer.start(kind);
    this.#resources.push(peer);
    return new Client(peer, this.cluster.namesrvAddr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources) await resource[Symbol.asyncDispose]();
  }
}

/** Reasons why there is nothing to run, by client and by broker; the first that applies counts. */
export interface Absence {
  readonly client?: RegExp;
  readonly broker?: BrokerName;
  readonly why: string;
}

export interface Behaviour {
  readonly title: string;
  /** How the client's process writes headers; JSON unless said. */
  readonly serializeType?: SerializeType;
  /** It mostly waits, for a minute and more: it is to begin before others. */
  readonly isSlow?: boolean;
  readonly absent?: readonly Absence[];
  /** Throws when the cell fails; returns the limit, in a sentence, when it passed no further than that. */
  readonly run: (cell: Cell) => Promise<string | void>;
}

export interface Behaviours {
  readonly heading: string;
  readonly behaviours: readonly Behaviour[];
}

export function absenceOf(
  behaviour: Behaviour,
  client: string,
  broker: BrokerName,
): string | undefined {
  return behaviour.absent?.find(
    (absence) =>
      (absence.client === undefined || absence.client.test(client)) &&
      (absence.broker === undefined || absence.broker === broker),
  )?.why;
}
