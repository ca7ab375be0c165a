import type { ClientConnection } from '../protocol/client-connections.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { ConsumeFromWhere, ConsumeType, MessageModel } from '../protocol/heartbeat.ts';
import type { LanguageName } from '../protocol/language-code.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';

/** A client's connection, as far as the managers of groups need it. */
export interface ClientChannel {
  readonly isOpen: boolean;
  /** `1.2.3.4:5678`, for the log. */
  readonly peer: string;
  /** Sends a request and returns its answer. Errors: CONNECTION_CLOSED, REQUEST_TIMEOUT. */
  request(command: RemotingCommand, options: { timeoutMs: number }): Promise<RemotingCommand>;
  oneway(command: RemotingCommand): Promise<void>;
  onClose(listener: () => void): void;
  destroy(): void;
}

/** Who a heartbeat came from. */
export interface ClientIdentity {
  readonly clientId: string;
  readonly language: LanguageName;
  /** MQVersion ordinal; several answers depend on what the client can know. */
  readonly version: number;
}

/** One client in one group: membership belongs to the connection, because some clients never say goodbye. */
export interface GroupMember extends ClientIdentity {
  readonly channel: ClientChannel;
  /** On the monotonic clock. */
  readonly lastHeartbeatMs: number;
}

/** As tools are told of it. */
export function connectionOf({
  channel,
  clientId,
  language,
  version,
}: GroupMember): ClientConnection {
  return { clientAddr: channel.peer, clientId, language, version };
}

/** One consumer in one group, as its latest heartbeat describes it. */
export interface ConsumerMember extends GroupMember {
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: ConsumeFromWhere;
  /** By topic. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
}
