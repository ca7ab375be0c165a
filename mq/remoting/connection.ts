import type { MqError } from '../errors.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import type { LanguageName } from '../protocol/language-code.ts';

export interface RequestOptions {
  /** For the reply to arrive. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** `reason` is undefined when the peer, or the owner without giving one, ended the connection in good order. */
export type CloseListener = (reason?: MqError) => void;

/** One socket to one peer, from either side. Requests flow both ways. */
export interface Connection {
  /** Unique among the connections of its server or client. */
  readonly id: number;
  readonly remote: HostAddress;
  readonly local: HostAddress;
  /** `1.2.3.4:5678`, as logs and error messages name the peer. */
  readonly peer: string;
  /** ms since epoch. */
  readonly openedAt: number;
  readonly isOpen: boolean;
  /** MQVersion and language of the peer's latest request; undefined until it sent one. */
  readonly peerVersion: number | undefined;
  readonly language: LanguageName | undefined;
  /** Requests received and not answered yet. */
  readonly openRequests: number;
  /** Commands of any kind received so far. */
  readonly receivedCount: number;

  /**
   * Sends a request and returns its reply, whatever its code.
   *
   * Errors: CONNECTION_CLOSED, REQUEST_TIMEOUT, REQUEST_ABORTED (all retriable; the peer may have acted all the same),
   *         FRAME_INVALID when the request exceeds the frame limits.
   */
  request(command: RemotingCommand, options: RequestOptions): Promise<RemotingCommand>;

  /**
   * Sends a request that gets no reply. Settles at once while the peer keeps up, else when it has caught up.
   *
   * Errors: CONNECTION_CLOSED (retriable), FRAME_INVALID.
   */
  oneway(command: RemotingCommand): Promise<void>;

  /**
   * Ends the connection after what is under way: own requests fail at once, replies being worked on get a
   * bounded time, everything written is flushed. Settles when the socket is gone; never rejects.
   */
  close(reason?: MqError): Promise<void>;

  /** Drops the connection at once, with all that is not sent yet. */
  destroy(reason?: MqError): void;

  /** Called once, when the socket is gone; at once if it already is. */
  onClose(listener: CloseListener): void;
}
