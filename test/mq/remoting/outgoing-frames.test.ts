import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import {
  encodeFrame,
  requestCommand,
  responseTo,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { OutgoingFrames } from '../../../mq/remoting/outgoing-frames.ts';
import { settle } from '../../support/fake-clock.ts';

const REPLY_COUNT = 3_000;
const NO_LIMIT = 1024 * 1024;

/** Takes what is written, or keeps it waiting as a socket does whose peer does not read. */
class Peer extends Writable {
  readonly blocks: Buffer[] = [];
  readonly #reads: boolean;

  constructor(reads: boolean) {
    super();
    this.#reads = reads;
  }

  override write(block: Buffer, ...rest: unknown[]): boolean {
    this.blocks.push(block);
    return super.write(block, ...(rest as []));
  }

  override _write(_block: Buffer, _encoding: string, done: () => void): void {
    if (this.#reads) done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.blocks);
  }

  /** Of all that was written, with what the views keep. */
  get heldBytes(): number {
    const held = new Set(this.blocks.map(({ buffer }) => buffer));
    return [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

function reply(opaque: number, body?: Buffer): RemotingCommand {
  const request = { ...requestCommand({ code: 310 }), opaque };
  return responseTo(request, { code: 0, extFields: { queueOffset: `${opaque}` }, body });
}

function add(outgoing: OutgoingFrames, command: RemotingCommand): void {
  assert(outgoing.addPlainHead(command, NO_LIMIT));
  if (command.body !== undefined) outgoing.add(command.body);
}

describe('plain heads of several connections', () => {
  it('share their blocks, and reach each peer whole and in order', async () => {
    const peers = [new Peer(true), new Peer(true), new Peer(false)];
    const outgoings = peers.map((peer) => new OutgoingFrames(peer, () => undefined));
    const sent: RemotingCommand[][] = peers.map(() => []);
    for (let opaque = 0; opaque < REPLY_COUNT; opaque++) {
      const which = (opaque * 7 + (opaque >> 3)) % 3;
      const bodyBytes = opaque % 50 === 0 ? 20_000 : opaque % 11;
      const body = bodyBytes === 0 ? undefined : Buffer.alloc(bodyBytes, opaque);
      const command = reply(opaque, body);
      sent[which]!.push(command);
      add(outgoings[which]!, command);
      if (opaque % 40 === 0) await settle();
    }
    await settle();
    for (const [which, { bytes }] of peers.entries()) {
      expect(bytes.equals(Buffer.concat(sent[which]!.map(encodeFrame)))).toBe(true);
    }
  });

  it('do not keep their blocks for a peer that does not read', async () => {
    const deaf = new Peer(false);
    const outgoing = new OutgoingFrames(deaf, () => undefined);
    const busy = new OutgoingFrames(new Peer(true), () => undefined);
    for (let opaque = 0; opaque < REPLY_COUNT; opaque++) {
      add(opaque % 300 === 0 ? outgoing : busy, reply(opaque));
      if (opaque % 300 === 0) await settle();
    }
    await settle();
    expect(deaf.blocks).toHaveLength(REPLY_COUNT / 300);
    // The first was on its way before anything showed that the peer does not read.
    expect(deaf.heldBytes).toBeLessThan(2 * 64 * 1024);
  });

  it('are forgotten with the connection, and not sent when they are more than the peer takes', async () => {
    const peer = new Peer(true);
    const outgoing = new OutgoingFrames(peer, () => undefined);
    add(outgoing, reply(1));
    outgoing.drop();
    expect(outgoing.unsentBytes).toBe(0);
    expect(outgoing.addPlainHead(reply(2), 50)).toBe(false);
    add(outgoing, reply(3));
    await settle();
    expect(new FrameDecoder().push(peer.bytes).map(({ opaque }) => opaque)).toEqual([3]);
  });
});
