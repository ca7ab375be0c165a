import { Permission } from '../protocol/sys-flag.ts';
import {
  MASTER_ID,
  type BrokerData,
  type ClusterInfo,
  type QueueData,
  type TopicRouteData,
} from '../protocol/route.ts';
import {
  isSameDataVersion,
  type DataVersion,
  type TopicConfigTable,
} from '../protocol/topic-config.ts';

/** Who a broker says it is. */
export interface BrokerIdentity {
  clusterName: string;
  brokerName: string;
  /** 0 is the master of its name. */
  brokerId: number;
  /** `ip:port`, where clients dial it. */
  brokerAddr: string;
}

export interface Registration extends BrokerIdentity {
  haServerAddr: string;
  table: TopicConfigTable;
  /** Topics that the table lacks are gone. */
  isWholeTable: boolean;
  /** The connection it came over; when that closes the broker is gone. */
  channelId: number;
  /** Without a registration for this long the broker is gone. */
  expiryMs: number;
}

interface LiveBroker extends Omit<Registration, 'table' | 'isWholeTable'> {
  registeredMs: number;
  dataVersion: DataVersion;
}

export interface RegistrationOutcome {
  /** Brokers this one displaced: its own address under another identity, or another address under its identity. */
  displaced: BrokerIdentity[];
  isNew: boolean;
  /** The master of its name, told to slaves only. */
  master: { brokerAddr: string; haServerAddr: string } | undefined;
}

/**
 * What a name server knows: which brokers live, and which queues each topic has where. Pure state: every
 * method takes its time from the caller, and nothing is kept on disk, because brokers register again.
 *
 * A broker whose write permission is wiped stays so, whatever it registers, until its name is gone: it is about to be
 * stopped, and a topic that is created meanwhile must not bring the producers back.
 *
 * One address holds one identity, and one identity (name and id) one address: the latest registration wins.
 *
 * Source: RocketMQ 5.3 RouteInfoManager.java.
 */
export class RouteInfo {
  /** By brokerAddr. */
  readonly #brokers = new Map<string, LiveBroker>();
  /** topic → brokerName → its queues, as the master of that name registered them. */
  readonly #queues = new Map<string, Map<string, QueueData>>();
  /** Names of brokers that are shown as read-only. */
  readonly #wiped = new Set<string>();

  /** Units: nowMs on a clock that does not jump. */
  register(registration: Registration, nowMs: number): RegistrationOutcome {
    const { table, isWholeTable, ...rest } = registration;
    const known = this.#brokers.get(registration.brokerAddr);
    const isNew = known === undefined || !isSameIdentity(known, registration);
    const displaced = this.#displace(registration);
    this.#brokers.set(registration.brokerAddr, {
      ...rest,
      registeredMs: nowMs,
      dataVersion: table.dataVersion,
    });
    if (registration.brokerId === MASTER_ID) {
      const { brokerName } = registration;
      const hasChanged = isNew || !isSameDataVersion(known.dataVersion, table.dataVersion);
      if (isWholeTable) this.#dropTopicsNotIn(brokerName, table);
      this.#readTopics(brokerName, table, hasChanged);
    }
    const master = this.#masterOf(registration);
    return {
      displaced,
      isNew,
      master: registration.brokerId === MASTER_ID ? undefined : master,
    };
  }

  /** False when no such broker is registered, which is no error: it may have expired before. */
  unregister(identity: BrokerIdentity): boolean {
    const known = this.#brokers.get(identity.brokerAddr);
    if (!known || !isSameIdentity(known, identity)) return false;
    this.#remove(known);
    return true;
  }

  /** Removes the brokers that registered last over this channel, and returns them. */
  channelClosed(channelId: number): BrokerIdentity[] {
    return this.#removeAll((broker) => broker.channelId === channelId);
  }

  /** Removes the brokers whose registration is older than they promised, and returns them. */
  expire(nowMs: number): BrokerIdentity[] {
    return this.#removeAll((broker) => nowMs - broker.registeredMs > broker.expiryMs);
  }

  /**
   * The edition of the topic table this broker registered last. Asking with that same edition counts as a sign
   * of life: a broker whose topics did not change asks instead of registering.
   */
  dataVersion(
    identity: BrokerIdentity,
    asked: DataVersion | undefined,
    nowMs: number,
  ): DataVersion | undefined {
    const known = this.#brokers.get(identity.brokerAddr);
    if (!known || !isSameIdentity(known, identity)) return undefined;
    if (asked && isSameDataVersion(known.dataVersion, asked)) known.registeredMs = nowMs;
    return known.dataVersion;
  }

  /** undefined when no broker that lives has this topic. */
  route(topic: string): TopicRouteData | undefined {
    const queueDatas = Array.from(this.#queues.get(topic)?.values() ?? [], (queues) =>
      this.#wiped.has(queues.brokerName)
        ? { ...queues, perm: queues.perm & ~Permission.WRITE }
        : queues,
    );
    const brokerDatas = queueDatas.flatMap(({ brokerName }) => this.#brokerDatas(brokerName));
    return brokerDatas.length === 0 ? undefined : { brokerDatas, queueDatas };
  }

  clusterInfo(): ClusterInfo {
    const info: ClusterInfo = { brokerAddrTable: new Map(), clusterAddrTable: new Map() };
    for (const brokerName of this.#brokerNames()) {
      for (const broker of this.#brokerDatas(brokerName)) {
        info.brokerAddrTable.set(brokerName, broker);
        const names = info.clusterAddrTable.get(broker.cluster) ?? [];
        info.clusterAddrTable.set(broker.cluster, [...names, brokerName]);
      }
    }
    return info;
  }

  topics(): string[] {
    return [...this.#queues.keys()];
  }

  topicsOfCluster(clusterName: string): string[] {
    const names = this.#brokerNamesOf(clusterName);
    return [...this.#queues]
      .filter(([, queues]) => [...queues.keys()].some((brokerName) => names.has(brokerName)))
      .map(([topic]) => topic);
  }

  /** Forgets a topic's queues, in one cluster or everywhere, until a broker registers it anew. */
  deleteTopic(topic: string, clusterName?: string): void {
    if (clusterName === undefined) {
      this.#queues.delete(topic);
      return;
    }
    for (const brokerName of this.#brokerNamesOf(clusterName)) this.#dropQueues(topic, brokerName);
  }

  /** Returns how many topics the broker has. */
  wipeWritePerm(brokerName: string): number {
    if (this.#brokerNames().has(brokerName)) this.#wiped.add(brokerName);
    return this.#topicsOf(brokerName).length;
  }

  /** Shows the permissions that the broker registered. Returns how many topics it has. */
  addWritePerm(brokerName: string): number {
    this.#wiped.delete(brokerName);
    return this.#topicsOf(brokerName).length;
  }

  /**
   * Takes over the topics of a table: those that are not known of the broker, and if it has changed the others, too.
   *
   * A version may hide topics: a 5.x broker that meets a restarted name server may first send one changed topic and
   * only then, under the same version, all of them; and a topic that was deleted here only is still its.
   */
  #readTopics(brokerName: string, table: TopicConfigTable, hasChanged: boolean): void {
    for (const [topic, config] of table.topicConfigTable) {
      let queues = this.#queues.get(topic);
      if (!hasChanged && queues?.has(brokerName) === true) continue;
      if (!queues) this.#queues.set(topic, (queues = new Map()));
      queues.set(brokerName, {
        brokerName,
        readQueueNums: config.readQueueNums,
        writeQueueNums: config.writeQueueNums,
        perm: config.perm,
        topicSysFlag: config.topicSysFlag,
      });
    }
  }

  #dropTopicsNotIn(brokerName: string, { topicConfigTable }: TopicConfigTable): void {
    for (const topic of this.#topicsOf(brokerName)) {
      if (!topicConfigTable.has(topic)) this.#dropQueues(topic, brokerName);
    }
  }

  #topicsOf(brokerName: string): string[] {
    return [...this.#queues].flatMap(([topic, queues]) => (queues.has(brokerName) ? topic : []));
  }

  #displace(identity: BrokerIdentity): BrokerIdentity[] {
    return this.#removeAll((broker) => {
      if (broker.brokerAddr === identity.brokerAddr) return !isSameIdentity(broker, identity);
      return broker.brokerName === identity.brokerName && broker.brokerId === identity.brokerId;
    });
  }

  #removeAll(isGone: (broker: LiveBroker) => boolean): BrokerIdentity[] {
    const gone = [...this.#brokers.values()].filter(isGone);
    for (const broker of gone) this.#remove(broker);
    return gone.map(({ clusterName, brokerName, brokerId, brokerAddr }) => ({
      clusterName,
      brokerName,
      brokerId,
      brokerAddr,
    }));
  }

  /** The queues of a name stay while a slave of it lives: consumers may still read from that. */
  #remove(broker: LiveBroker): void {
    this.#brokers.delete(broker.brokerAddr);
    const isNameGone = ![...this.#brokers.values()].some(
      ({ brokerName }) => brokerName === broker.brokerName,
    );
    if (!isNameGone) return;
    this.#wiped.delete(broker.brokerName);
    for (const topic of this.#queues.keys()) this.#dropQueues(topic, broker.brokerName);
  }

  #dropQueues(topic: string, brokerName: string): void {
    const queues = this.#queues.get(topic);
    if (queues?.delete(brokerName) && queues.size === 0) this.#queues.delete(topic);
  }

  #masterOf({ clusterName, brokerName }: BrokerIdentity): RegistrationOutcome['master'] {
    for (const broker of this.#brokers.values()) {
      if (
        broker.brokerId === MASTER_ID &&
        broker.brokerName === brokerName &&
        broker.clusterName === clusterName
      ) {
        return { brokerAddr: broker.brokerAddr, haServerAddr: broker.haServerAddr };
      }
    }
    return undefined;
  }

  #brokerNames(): Set<string> {
    return new Set([...this.#brokers.values()].map(({ brokerName }) => brokerName));
  }

  #brokerNamesOf(clusterName: string): Set<string> {
    const brokers = [...this.#brokers.values()];
    return new Set(
      brokers
        .filter((broker) => broker.clusterName === clusterName)
        .map(({ brokerName }) => brokerName),
    );
  }

  /** One entry, or none when nobody of that name lives. */
  #brokerDatas(brokerName: string): BrokerData[] {
    const members = [...this.#brokers.values()]
      .filter((broker) => broker.brokerName === brokerName)
      .toSorted((left, right) => left.brokerId - right.brokerId);
    const first = members[0];
    if (!first) return [];
    const brokerAddrs = new Map(members.map(({ brokerId, brokerAddr }) => [brokerId, brokerAddr]));
    return [{ cluster: first.clusterName, brokerName, brokerAddrs }];
  }
}

function isSameIdentity(left: BrokerIdentity, right: BrokerIdentity): boolean {
  return (
    left.brokerAddr === right.brokerAddr &&
    left.brokerId === right.brokerId &&
    left.brokerName === right.brokerName &&
    left.clusterName === right.clusterName
  );
}
