import assert from 'node:assert/strict';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import {
  defaultFrameLimits,
  encodeFrame,
  FRAME_PREFIX_BYTES,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { ReceivedSend } from '../../../mq/protocol/received-send.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { plainCommand } from '../../support/plain-command.ts';
import { refusalOf, type Target } from '../target.ts';

const words = [
  '{"code":',
  '"extFields":{',
  '"flag":',
  '"opaque":-1',
  '"remark":null',
  '"serializeTypeCurrentRPC":"JSON"',
];

/** Frames, cut anywhere: the same commands and the same refusal, however the bytes arrive. */
export const frames: Target = {
  name: 'frames',
  material: {
    inputs: capturedFrames().map(({ bytes }) => bytes),
    words: words.map((word) => Buffer.from(word)),
  },
  check(input) {
    const bytes = withHonestLength(input);
    const whole = decoded([bytes]);
    const random = new SeededRandom(bytes.length);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const next = at + 1 + random.below(random.chance(0.5) ? 8 : 5_000);
      pieces.push(bytes.subarray(at, next));
      at = next;
    }
    const inPieces = decoded(pieces);
    // The decoder's net for defects of its own.
    assert.ok(!whole.refusal.includes('does not decode'), whole.refusal);
    assert.equal(inPieces.refusal, whole.refusal, 'refused alike however it arrives');
    assert.deepEqual(inPieces.commands.map(plainCommand), whole.commands.map(plainCommand));
    for (const command of whole.commands) {
      if (command instanceof ReceivedSend) {
        const header = sendMessageV2.decodeRequest(command.extFields);
        assert.deepEqual(given(command.header), given(header), 'a send reads as it decodes');
      }
      // What another implementation may send is more than what ours does: only what is written again must be read again.
      const again = decoded([encodeFrame(command)]);
      assert.deepEqual(
        again.commands.map(plainCommand),
        [plainCommand(command)],
        'reads what it writes',
      );
    }
    return `${whole.commands.length > 0} ${whole.refusal}`;
  },
};

/** A header without the fields that it does not have: whether such a member is there is nobody's business. */
function given(header: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined));
}

/** Half of the inputs get the length they have, or most would end at a length that is wrong. */
function withHonestLength(input: Buffer): Buffer {
  if (input.length < FRAME_PREFIX_BYTES || input[input.length - 1]! % 2 === 0) return input;
  const copy = Buffer.from(input);
  copy.writeInt32BE(copy.length - 4, 0);
  return copy;
}

function decoded(pieces: readonly Buffer[]): { commands: RemotingCommand[]; refusal: string } {
  const decoder = new FrameDecoder(defaultFrameLimits);
  const commands: RemotingCommand[] = [];
  try {
    for (const piece of pieces) {
      commands.push(...decoder.push(piece));
      if (decoder.failure !== undefined) throw decoder.failure;
    }
    return { commands, refusal: decoder.isMidFrame ? 'more is to come' : 'whole' };
  } catch (error) {
    return { commands, refusal: refusalOf(error) };
  }
}
