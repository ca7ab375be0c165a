import type { RemotingCommand } from '../protocol/frame.ts';
import type { LanguageName } from '../protocol/language-code.ts';

/** A client's connection, as far as the managers of groups need it. */
export interface ClientChannel {
  readonly isOpen: boolean;
  /** `1.2.3.4:5678`, for the log. */
  readonly peer: string;
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
