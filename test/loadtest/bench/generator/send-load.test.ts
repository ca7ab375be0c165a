import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FrameSplitter } from '../../../../loadtest/bench/generator/frames.ts';
import type { FillJob } from '../../../../loadtest/bench/generator/messages.ts';
import { runSendLoad } from '../../../../loadtest/bench/generator/send-load.ts';
import { decodeFrame, encodeFrame, responseTo } from '../../../../mq/protocol/frame.ts';

const SUCCESS = 0;
const SYSTEM_BUSY = 2;
/** Of a ring's first slot. */
const FIRST_OPAQUE = 1_000_000_000;

/** Answers the requests of each read in reverse order, every tenth with "busy". */
class ContraryBroker {
  readonly #server: Server;
  readonly #unanswered = new Set<number>();
  received = 0;
  stored = 0;
  /** Opaques that came again before they were answered. */
  usedTwice = 0;
  connections = 0;
  mostUnanswered = 0;
  /** The first request is answered when so many others have come. */
  holdsFirstFor = 0;
  #held: (() => void) | undefined;

  constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1;
      const splitter = new FrameSplitter();
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        const requests: Buffer[] = [];
        splitter.feed(chunk, ({ bytes, headerStart, end }) => {
          requests.push(Buffer.from(bytes.subarray(headerStart - 8, end)));
        });
        const commands = requests.map((bytes) => decodeFrame(bytes));
        for (const { opaque } of commands) {
          if (this.#unanswered.has(opaque)) this.usedTwice += 1;
          this.#unanswered.add(opaque);
        }
        this.mostUnanswered = Math.max(this.mostUnanswered, this.#unanswered.size);
        for (const command of commands.toReversed()) {
          this.received += 1;
          const code = this.received % 10 === 0 ? SYSTEM_BUSY : SUCCESS;
          const answer = (): void => {
            if (code === SUCCESS) this.stored += 1;
            this.#unanswered.delete(command.opaque);
            socket.write(encodeFrame(responseTo(command, { code })));
          };
          const isHeld = command.opaque === FIRST_OPAQUE && this.received <= this.holdsFirstFor;
          if (isHeld) this.#held = answer;
          else answer();
        }
        if (this.received > this.holdsFirstFor) {
          this.#held?.();
          this.#held = undefined;
        }
      });
    });
  }

  async listen(): Promise<{ host: string; port: number }> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

let broker: ContraryBroker;
let job: FillJob;

beforeEach(async () => {
  broker = new ContraryBroker();
  job = {
    kind: 'fill',
    broker: await broker.listen(),
    brokerPid: process.pid,
    shape: { topic: 'T', queueCount: 2, bodyBytes: 8, batchCount: 1 },
    connections: 1,
    inFlight: 16,
    messages: 1_000,
  };
});

afterEach(() => broker.close());

describe('a closed loop of sends', () => {
  test('stores as many messages as were asked for, and sends those again that were refused', async () => {
    const { messages, refused } = await runSendLoad(job);
    expect(messages).toBe(1_000);
    expect(broker.stored).toBe(1_000);
    expect(refused).toEqual({ [SYSTEM_BUSY]: broker.received - 1_000 });
  });

  test('never has more on their way than it may, and no two with one opaque, though replies overtake', async () => {
    // Until the ring has gone round: 32 slots for 16 requests.
    broker.holdsFirstFor = 31;
    await runSendLoad(job);
    expect(broker.usedTwice).toBe(0);
    expect(broker.mostUnanswered).toBeLessThanOrEqual(16);
    expect(broker.mostUnanswered).toBeGreaterThan(1);
  });

  test('counts the messages of a batch, not the batch', async () => {
    const shape = { ...job.shape, batchCount: 10 };
    const { messages } = await runSendLoad({ ...job, shape });
    expect(messages).toBe(1_000);
    expect(broker.stored).toBe(100);
  });

  test('runs on as many connections as it is told to', async () => {
    const { messages } = await runSendLoad({ ...job, connections: 8, inFlight: 1 });
    expect(broker.connections).toBe(8);
    expect(messages).toBe(1_000);
  });
});
