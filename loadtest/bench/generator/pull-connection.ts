import { encodeRequest, ReplyReader, type FrameView } from './frames.ts';
import { LeanSocket, type BrokerAddress } from './lean-socket.ts';

const PULL_MESSAGE = 11;
const GET_MAX_OFFSET = 30;
const GET_MIN_OFFSET = 31;

/** Bits of a pull's sysFlag: it may be held, and carries its subscription, so that no heartbeat need come first. */
const MAY_BE_HELD = 2;
const HAS_SUBSCRIPTION = 4;
/** As many as both brokers' clients ask for by default. */
const PULL_COUNT = 32;
const HOLD_MS = 15_000;

/** Pull replies that carry a next offset and no failure: found, nothing new, try again, moved. */
const normalCodes = new Set([0, 19, 20, 21]);

export interface PulledMessages {
  readonly count: number;
  /** Where the queue goes on. */
  readonly nextOffset: number;
  /** The frame its records lie in: to be read before the call returns. */
  readonly frame: FrameView;
}

/** Pulls from the queues of one topic, on one connection. */
export class PullConnection {
  readonly #topic: string;
  readonly #reader = new ReplyReader();
  readonly #waiting = new Map<number, (frame: FrameView) => void>();
  readonly #socket: LeanSocket;
  #opaque = 0;

  static async open(address: BrokerAddress, topic: string): Promise<PullConnection> {
    const opened: { connection?: PullConnection } = {};
    const socket = await LeanSocket.open(address, (frame) => opened.connection?.onFrame(frame));
    opened.connection = new PullConnection(topic, socket);
    return opened.connection;
  }

  private constructor(topic: string, socket: LeanSocket) {
    this.#topic = topic;
    this.#socket = socket;
  }

  get failed(): Promise<never> {
    return this.#socket.failed;
  }

  /** The offsets `[min, max)` that a queue holds. */
  async range(queueId: number): Promise<{ min: number; max: number }> {
    const ask = (code: number): Promise<number> =>
      new Promise((resolve) => {
        this.#ask(code, { topic: this.#topic, queueId: String(queueId) }, (frame) =>
          resolve(Number(headerOf(frame).extFields?.['offset'])),
        );
      });
    return { min: await ask(GET_MIN_OFFSET), max: await ask(GET_MAX_OFFSET) };
  }

  /** `onPulled` gets undefined and the code when the broker refuses. */
  pull(
    { queueId, offset, isHeld }: { queueId: number; offset: number; isHeld: boolean },
    onPulled: (pulled: PulledMessages | undefined, code: number) => void,
  ): void {
    const extFields = {
      consumerGroup: 'bench-consumers',
      topic: this.#topic,
      queueId: String(queueId),
      queueOffset: String(offset),
      maxMsgNums: String(PULL_COUNT),
      sysFlag: String(HAS_SUBSCRIPTION | (isHeld ? MAY_BE_HELD : 0)),
      commitOffset: '0',
      suspendTimeoutMillis: String(HOLD_MS),
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    };
    this.#ask(PULL_MESSAGE, extFields, (frame) => {
      const { code, extFields: reply } = headerOf(frame);
      if (!normalCodes.has(code)) {
        onPulled(undefined, code);
        return;
      }
      const nextOffset = Number(reply?.['nextBeginOffset']);
      onPulled({ count: countRecords(frame), nextOffset, frame }, code);
    });
  }

  close(): void {
    this.#socket.close();
  }

  onFrame(frame: FrameView): void {
    const opaque = this.#reader.opaqueOf(frame);
    const onReply = this.#waiting.get(opaque);
    this.#waiting.delete(opaque);
    onReply?.(frame);
  }

  #ask(code: number, extFields: Record<string, string>, onReply: (frame: FrameView) => void): void {
    this.#opaque += 1;
    this.#waiting.set(this.#opaque, onReply);
    this.#socket.write(encodeRequest({ code, opaque: this.#opaque, extFields }));
  }
}

interface ReplyHeader {
  readonly code: number;
  readonly extFields?: Readonly<Record<string, string>>;
}

/** Both brokers answer a JSON request in JSON. A pull is answered once for many messages: no need to be clever here. */
function headerOf({ bytes, headerStart, bodyStart }: FrameView): ReplyHeader {
  return JSON.parse(bytes.toString('utf8', headerStart, bodyStart)) as ReplyHeader;
}

function countRecords({ bytes, bodyStart, end }: FrameView): number {
  let count = 0;
  for (let at = bodyStart; at < end; at += bytes.readInt32BE(at)) count += 1;
  return count;
}

/** Of a record: where its system flag is, and its body behind hosts that have 8 bytes each. */
const SYS_FLAG_AT = 36;
const BODY_AT = 88;
const HOST_IS_IPV6 = [0x10, 0x20] as const;
const IPV6_IS_LONGER_BY = 12;

/** Calls back with the time at the start of each record's body. Source: RocketMQ 5.3 MessageDecoder.java. */
export function eachStamp(
  { bytes, bodyStart, end }: FrameView,
  onStamp: (ms: number) => void,
): void {
  for (let at = bodyStart; at < end; at += bytes.readInt32BE(at)) {
    const sysFlag = bytes.readInt32BE(at + SYS_FLAG_AT);
    const longHosts = HOST_IS_IPV6.filter((bit) => (sysFlag & bit) !== 0).length;
    onStamp(bytes.readDoubleBE(at + BODY_AT + longHosts * IPV6_IS_LONGER_BY));
  }
}
