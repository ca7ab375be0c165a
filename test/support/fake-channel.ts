import type { ClientChannel } from '../../mq/broker/client-channel.ts';
import type { RemotingCommand } from '../../mq/protocol/frame.ts';

/** A client's connection that records what it is sent and closes when told to. */
export class FakeChannel implements ClientChannel {
  readonly sent: RemotingCommand[] = [];
  readonly peer: string;
  isOpen = true;
  #closeListeners: (() => void)[] = [];

  constructor(peer = '127.0.0.1:40000') {
    this.peer = peer;
  }

  get listenerCount(): number {
    return this.#closeListeners.length;
  }

  /** What it answers a request with. */
  answer: (command: RemotingCommand) => Promise<RemotingCommand> = () =>
    Promise.reject(new Error('this channel answers nothing'));

  request(command: RemotingCommand): Promise<RemotingCommand> {
    this.sent.push(command);
    return this.answer(command);
  }

  oneway(command: RemotingCommand): Promise<void> {
    this.sent.push(command);
    return Promise.resolve();
  }

  onClose(listener: () => void): void {
    if (this.isOpen) this.#closeListeners.push(listener);
    else listener();
  }

  destroy(): void {
    this.isOpen = false;
    const listeners = this.#closeListeners;
    this.#closeListeners = [];
    for (const listener of listeners) listener();
  }
}
