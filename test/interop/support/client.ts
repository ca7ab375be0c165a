import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { Peer, type PeerCommand, type PeerOptions, type RunningCommand } from './peer.ts';

/** One SENT line of a peer. */
export interface Sent {
  readonly key: string;
  readonly status: string;
  readonly msgId: string | undefined;
  readonly offsetMsgId: string | undefined;
  readonly queue: string | undefined;
  readonly queueOffset: number;
  /** Before the client was asked to send. */
  readonly startedAtMs: number;
  readonly recallHandle: string | undefined;
}

/** One GOT line of a peer. */
export interface Got {
  readonly key: string;
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly reconsumeTimes: number;
  readonly tags: string;
  readonly bodySize: number;
  readonly bodyCrc32: number;
  readonly atMs: number;
  readonly transactionId: string;
  readonly origin: string;
}

/** What one pull brought. */
export interface Pulled {
  readonly status: string;
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly keys: readonly string[];
}

/** What the client told its caller when the broker refused; `code` is the response code's name. */
export interface Refusal {
  readonly code: string;
  readonly sentence: string;
}

/** A refusal of one of several messages. */
export interface RefusedSend extends Refusal {
  readonly key: string;
}

const codeNames = new Map<number, string>(
  Object.entries(ResponseCode).map(([name, code]) => [code, name]),
);

/** How Java says that a query found nothing. */
const NO_MESSAGE = /no message|query message by id finished, but no message|can not find message/i;

/** A peer's client on one cluster. Every topic and group it names is this cell's own. */
export class Client {
  readonly peer: Peer;
  readonly #namesrv: string;

  constructor(peer: Peer, namesrv: string) {
    this.peer = peer;
    this.#namesrv = namesrv;
  }

  get name(): string {
    return this.peer.kind.name;
  }

  async produce(options: PeerOptions): Promise<Sent[]> {
    const { sent, refused } = await this.tryProduce(options);
    const [first] = refused;
    if (first !== undefined) throw new Error(`${this.name}: ${first.code} ${first.sentence}`);
    return sent;
  }

  /** Sends, and takes what is refused for an answer, too. */
  async tryProduce(options: PeerOptions): Promise<{ sent: Sent[]; refused: RefusedSend[] }> {
    const command = await this.peer.run('produce', { namesrv: this.#namesrv, ...options });
    const refused = command
      .all('REFUSED')
      .map((fields) => ({ key: fields[0]!, ...refusalOfFields(fields) }));
    return { sent: command.all('SENT').map(sentOf), refused };
  }

  /** Sends what the broker is expected to refuse. */
  async refusedProduce(options: PeerOptions): Promise<Refusal> {
    const command = await this.peer.run('produce', { namesrv: this.#namesrv, ...options });
    const refusal = refusalOf(command);
    if (refusal !== undefined) return refusal;
    throw new Error(`${this.name}: not refused: ${command.said()}`);
  }

  async recall(topic: string, handle: string): Promise<{ msgId: string } | Refusal> {
    const options = { namesrv: this.#namesrv, topic, handle };
    const command = await this.peer.run('recall', options);
    return refusalOf(command) ?? { msgId: command.all('RECALLED')[0]![0]! };
  }

  /** The keys of the messages in the topic's only queue that an SQL92 expression selects. */
  async select(options: PeerOptions & { sql: string }): Promise<readonly string[]> {
    const command = await this.peer.run('select', { namesrv: this.#namesrv, ...options });
    return command.all('SELECTED')[0]!;
  }

  /** Whether a consumer with such an SQL92 expression starts. */
  async check(options: PeerOptions & { sql: string }): Promise<'TAKEN' | Refusal> {
    const command = await this.peer.run('check', { namesrv: this.#namesrv, ...options });
    return refusalOf(command) ?? 'TAKEN';
  }

  async consume(options: PeerOptions): Promise<Consumer> {
    const running = await this.peer.start('consume', { namesrv: this.#namesrv, ...options });
    return new Consumer(running);
  }

  /** A push consumer that has a name of its own. */
  async push(options: PeerOptions): Promise<Consumer> {
    const running = await this.peer.start('push', { namesrv: this.#namesrv, ...options });
    return new Consumer(running);
  }

  /** A pull consumer that polls until it is stopped. */
  async poll(options: PeerOptions): Promise<Consumer> {
    const running = await this.peer.start('poll', { namesrv: this.#namesrv, ...options });
    return new Consumer(running);
  }

  /** One pull of one queue. */
  async pull(options: PeerOptions): Promise<Pulled | Refusal> {
    const command = await this.peer.run('pull', { namesrv: this.#namesrv, ...options });
    const refusal = refusalOf(command);
    if (refusal !== undefined) return refusal;
    const [status, ...offsets] = command.all('PULLED')[0]!;
    const [next, min, max] = offsets.map(Number);
    const keys = command.all('GOT').map((fields) => gotOf(fields).key);
    return { status: status!, next: next!, min: min!, max: max!, keys };
  }

  /** Where the group goes on, by queueId, as this client's tool tells it. */
  async reset(options: PeerOptions): Promise<Map<number, number>> {
    const command = await this.peer.run('reset', { namesrv: this.#namesrv, ...options });
    const refusal = refusalOf(command);
    if (refusal !== undefined) throw new Error(`${this.name}: ${refusal.code} ${refusal.sentence}`);
    return new Map(
      command.all('RESET').map(([queueId, offset]) => [Number(queueId), Number(offset)]),
    );
  }

  /** Asks for a reply; settles with it, or with what the client says instead. */
  async request(options: PeerOptions): Promise<{ topic: string; body: string } | Refusal> {
    const command = await this.peer.run('request', { namesrv: this.#namesrv, ...options });
    const [, topic, body] = command.all('REPLIED')[0] ?? [];
    return refusalOf(command) ?? { topic: topic!, body: body! };
  }

  /** A consumer that replies to everything until it is stopped. */
  async reply(options: PeerOptions): Promise<RunningCommand> {
    return await this.peer.start('reply', { namesrv: this.#namesrv, ...options });
  }

  /** The messages the broker finds; none when this client calls that a failure. */
  async find(options: PeerOptions): Promise<readonly Got[]> {
    const command = await this.peer.run('find', { namesrv: this.#namesrv, ...options });
    const refusal = refusalOf(command);
    const isNone = refusal === undefined || NO_MESSAGE.test(refusal.sentence);
    if (!isNone) throw new Error(`${this.name}: ${refusal.code} ${refusal.sentence}`);
    return command.all('GOT').map(gotOf);
  }

  /** The offset of a time in one queue, and when its first message was stored. */
  async search(options: PeerOptions): Promise<{ offset: number; earliestMs: number }> {
    const command = await this.peer.run('search', { namesrv: this.#namesrv, ...options });
    const [offset, earliestMs] = command.all('OFFSET')[0]!.map(Number);
    return { offset: offset!, earliestMs: earliestMs! };
  }

  /** What this client's tool does about topics and brokers. */
  async administer(options: PeerOptions): Promise<void> {
    const command = await this.peer.run('administer', { namesrv: this.#namesrv, ...options });
    const refusal = refusalOf(command);
    if (refusal !== undefined) throw new Error(`${this.name}: ${refusal.code} ${refusal.sentence}`);
  }

  /** What this client's tool sees of a topic and a group: the lines of each event. */
  async inspect(options: PeerOptions): Promise<(event: string) => readonly (readonly string[])[]> {
    const command = await this.peer.run('inspect', { namesrv: this.#namesrv, ...options });
    return (event) => command.all(event);
  }

  async beginTransactions(options: PeerOptions): Promise<Transactions> {
    const running = await this.peer.start('begin', { namesrv: this.#namesrv, ...options });
    return new Transactions(this.peer, running);
  }
}

/** A consumer of a peer; disposing it shuts it down as its client does. */
export class Consumer implements AsyncDisposable {
  readonly #running: RunningCommand;
  readonly #messages: Got[] = [];

  constructor(running: RunningCommand) {
    this.#running = running;
  }

  /** Everything it got so far, in the order its listener was called. */
  get messages(): readonly Got[] {
    const lines = this.#running.command.all('GOT');
    while (this.#messages.length < lines.length) {
      this.#messages.push(gotOf(lines[this.#messages.length]!));
    }
    return this.#messages;
  }

  /** How many messages its listener got at each call, of a consumer started by `push`. */
  get batchSizes(): number[] {
    return this.#running.command.all('BATCH').map(([size]) => Number(size));
  }

  /** Settles with everything it got so far when `isEnough`. */
  async gets(
    isEnough: (messages: readonly Got[]) => boolean,
    what: string,
    timeoutMs?: number,
  ): Promise<readonly Got[]> {
    const probe = (): readonly Got[] | false => {
      const { messages } = this;
      return isEnough(messages) && [...messages];
    };
    return await this.#running.command.until(probe, what, timeoutMs);
  }

  async distinct(count: number): Promise<readonly Got[]> {
    return await this.gets(
      (messages) => new Set(messages.map(({ key }) => key)).size >= count,
      `${count} distinct keys`,
    );
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A transaction producer of a peer. */
export class Transactions implements AsyncDisposable {
  readonly #peer: Peer;
  readonly #running: RunningCommand;

  constructor(peer: Peer, running: RunningCommand) {
    this.#peer = peer;
    this.#running = running;
  }

  /** Sends the half message; settles when the local transaction runs, which lasts until `decide`. */
  async halfSent(topic: string, key: string, options: PeerOptions = {}): Promise<OpenTransaction> {
    const producer = this.#running.command.id;
    const command = this.#peer.command('transact', { producer, topic, key, ...options });
    const [, transactionId] = await command.line('LOCAL');
    return {
      transactionId: transactionId!,
      decide: async (state) => {
        await this.#peer.run('decide', { key, state });
        const [, status, msgId, , said] = await command.line('ENDED');
        return { status: status!, msgId: msgId!, state: said! };
      },
    };
  }

  /** From now on check-backs for that key get this answer; they get UNKNOW before. */
  async answer(key: string, state: TransactionState): Promise<void> {
    await this.#peer.run('answer', { key, state });
  }

  /** Settles when this producer was asked so often about that key. */
  async checked(key: string, times = 1): Promise<readonly string[]> {
    return await this.#running.command.until(
      () => this.#checksOf(key)[times - 1],
      `check-back ${times} for ${key}`,
    );
  }

  #checksOf(key: string): readonly (readonly string[])[] {
    return this.#running.command.all('CHECKED').filter(([of]) => of === key);
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export type TransactionState = 'COMMIT_MESSAGE' | 'ROLLBACK_MESSAGE' | 'UNKNOW';

export interface OpenTransaction {
  readonly transactionId: string;
  decide(state: TransactionState): Promise<{ status: string; msgId: string; state: string }>;
}

function refusalOf(command: PeerCommand): Refusal | undefined {
  const refused = command.all('REFUSED')[0];
  return refused && refusalOfFields(refused);
}

function refusalOfFields([, code, sentence]: readonly string[]): Refusal {
  return { code: codeNames.get(Number(code)) ?? code!, sentence: sentence! };
}

function sentOf(fields: readonly string[]): Sent {
  const [key, status, msgId, offsetMsgId, queue, queueOffset, startedAtMs, recallHandle] = fields;
  return {
    key: key!,
    status: status!,
    msgId,
    offsetMsgId,
    queue,
    queueOffset: Number(queueOffset),
    startedAtMs: Number(startedAtMs),
    recallHandle: recallHandle === '' ? undefined : recallHandle,
  };
}

function gotOf(fields: readonly string[]): Got {
  const [key, msgId, offsetMsgId, topic, queueId, queueOffset, times, tags, size, crc, at] = fields;
  const [transactionId, origin] = fields.slice(11);
  return {
    key: key!,
    msgId: msgId!,
    offsetMsgId: offsetMsgId!,
    topic: topic!,
    queueId: Number(queueId),
    queueOffset: Number(queueOffset),
    reconsumeTimes: Number(times),
    tags: tags!,
    bodySize: Number(size),
    bodyCrc32: Number(crc),
    atMs: Number(at),
    transactionId: transactionId!,
    origin: origin!,
  };
}
