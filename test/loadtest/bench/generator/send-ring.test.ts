import { describe, expect, test } from '@jest/globals';
import { SendRing } from '../../../../loadtest/bench/generator/send-ring.ts';
import { decodeBatchBody } from '../../../../mq/protocol/batch-body.ts';
import { decodeFrame } from '../../../../mq/protocol/frame.ts';

const shape = { topic: 'T', queueCount: 3, bodyBytes: 16, batchCount: 1 };
const alone = { first: 0, step: 1 };

const commandIn = (ring: SendRing, slot: number) => decodeFrame(ring.frames(slot, slot + 1));
const keyIn = (properties: string): string => /7F[0-9A-F]{30}/.exec(properties)![0];

describe('a ring of sends', () => {
  test('has a request of its own in each slot, and knows it by its opaque', () => {
    const ring = new SendRing(shape, 4, alone);
    const commands = [0, 1, 2, 3].map((slot) => commandIn(ring, slot));
    expect(commands.map(({ opaque }) => ring.slotOf(opaque))).toEqual([0, 1, 2, 3]);
    expect(commands.map(({ extFields }) => extFields?.['e'])).toEqual(['0', '1', '2', '0']);
    expect(commands.every(({ body }) => body?.length === 16)).toBe(true);
    expect(ring.slotOf(5)).toBeUndefined();
    expect(ring.slotOf(commands[3]!.opaque + 1)).toBeUndefined();
  });

  test('reaches every queue, also when several connections share them', () => {
    const many = { ...shape, queueCount: 10 };
    const rings = [0, 1, 2].map((first) => new SendRing(many, 1, { first, step: 3 }));
    const queues = rings.flatMap((ring) =>
      Array.from({ length: ring.slotCount }, (_, slot) => commandIn(ring, slot).extFields?.['e']),
    );
    expect(new Set(queues).size).toBe(10);
  });

  test('reaches every queue of every topic', () => {
    const ring = new SendRing({ ...shape, topicCount: 2 }, 1, alone);
    const targets = Array.from({ length: ring.slotCount }, (_, slot) => {
      const { extFields } = commandIn(ring, slot);
      return `${extFields!['b']}:${extFields!['e']}`;
    });
    expect(targets).toEqual(['T-0:0', 'T-0:1', 'T-0:2', 'T-1:0', 'T-1:1', 'T-1:2']);
  });

  test('gives each message a key that no other has', () => {
    const ring = new SendRing(shape, 2, alone);
    const keys = [0, 1, 0, 1, 0].map((slot) => {
      ring.renew(slot);
      return keyIn(commandIn(ring, slot).extFields!['i']!);
    });
    expect(new Set(keys).size).toBe(5);
  });

  test('gives the messages of a batch keys of their own', () => {
    const ring = new SendRing({ ...shape, batchCount: 5 }, 1, alone);
    ring.renew(0);
    const { code, extFields, body } = commandIn(ring, 0);
    expect([code, extFields!['m']]).toEqual([320, 'true']);
    const keys = decodeBatchBody(body!).map(({ propertiesString }) => keyIn(propertiesString));
    expect(new Set([...keys, keyIn(extFields!['i']!)]).size).toBe(6);
  });

  test('writes a time where the body begins', () => {
    const ring = new SendRing(shape, 2, alone);
    ring.stamp(1, 1234.5);
    expect(commandIn(ring, 1).body!.readDoubleBE(0)).toBe(1234.5);
    expect(commandIn(ring, 0).body!.toString()).toBe('x'.repeat(16));
  });

  test('lays neighbours end to end', () => {
    const ring = new SendRing(shape, 3, alone);
    const each = [0, 1, 2].map((slot) => ring.frames(slot, slot + 1));
    expect(ring.frames(0, 3)).toEqual(Buffer.concat(each));
  });
});
