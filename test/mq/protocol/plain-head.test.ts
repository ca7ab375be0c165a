import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  encodeFrameHead,
  requestCommand,
  responseTo,
  SerializeType,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { NOT_PLAIN, writePlainHead } from '../../../mq/protocol/plain-head.ts';
import { anyCommand } from './any-command.ts';
import { plays } from '../../support/plays.ts';

const ROOM_BYTES = 4096;

/** The bytes behind some that are there already; undefined for a command that is not plain. */
function plainHead(command: RemotingCommand): Buffer | undefined {
  const target = Buffer.alloc(ROOM_BYTES, 0xee);
  const end = writePlainHead(command, target, 7);
  expect(target.subarray(0, 7)).toEqual(Buffer.alloc(7, 0xee));
  return end === NOT_PLAIN ? undefined : target.subarray(7, end);
}

const isPlain = (text: string): boolean => /^[ !#-[\]-~]*$/.test(text);
const encodings = [SerializeType.JSON, SerializeType.ROCKETMQ] as const;
const plainText = fc.stringMatching(/^[ !#-[\]-~]{0,20}$/);
const plainCommand = fc.record({
  code: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  language: fc.constantFrom('JAVA' as const, 'GO' as const),
  version: fc.integer({ min: 0, max: 0xffff }),
  opaque: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  flag: fc.integer({ min: 0, max: 3 }),
  remark: fc.option(plainText, { nil: undefined }),
  extFields: fc.option(fc.dictionary(plainText, plainText, { maxKeys: 6 }), { nil: undefined }),
  body: fc.option(fc.constant(Buffer.from('body')), { nil: undefined }),
  serializeType: fc.constantFrom(...encodings),
});

describe('a plain head', () => {
  it('has the bytes of the general encoder, whatever the command', () => {
    fc.assert(
      fc.property(fc.oneof(anyCommand, plainCommand), (command) => {
        const { extFields = {}, remark = '' } = command;
        const texts = [remark, ...Object.keys(extFields), ...Object.values(extFields)];
        const head = plainHead(command);
        if (texts.every(isPlain)) expect(head).toEqual(encodeFrameHead(command));
        else expect(head).toBeUndefined();
      }),
      plays(500),
    );
  });

  it.each(encodings)(
    'is left to the general encoder when there is no room (encoding %i)',
    (type) => {
      const request = requestCommand({ code: 10 }, type);
      const reply = responseTo(request, { code: 0, extFields: { queueId: '1' }, remark: 'stored' });
      const lowest = -(2 ** 31);
      const numbers = { code: lowest, version: lowest, opaque: lowest, flag: lowest };
      for (const command of [reply, { ...reply, ...numbers, language: 'NODE_JS' as const }]) {
        const bytes = encodeFrameHead(command);
        for (let room = 0; room < bytes.length; room++) {
          const target = Buffer.alloc(64 + room);
          expect(writePlainHead(command, target, 64)).toBe(NOT_PLAIN);
        }
      }
    },
  );
});
