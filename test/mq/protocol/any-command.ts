import * as fc from 'fast-check';
import { SerializeType, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { languageNames } from '../../../mq/protocol/language-code.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Unpaired surrogates have no UTF-8 form; nobody can send them. */
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const someText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });

function commands(serializeType: SerializeType): fc.Arbitrary<RemotingCommand> {
  return fc.record({
    // Codes of the binary header have 16 bits, versions too.
    code: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
    language: fc.constantFrom(...languageNames),
    version: fc.integer({ min: 0, max: 0xffff }),
    opaque: int32,
    flag: fc.integer({ min: 0, max: 3 }),
    remark: fc.option(someText, { nil: undefined }),
    extFields: fc.option(fc.dictionary(text, text, { minKeys: 1, maxKeys: 5 }), { nil: undefined }),
    body: fc.option(
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
    serializeType: fc.constant(serializeType),
  });
}

export const anyCommand = fc.oneof(commands(SerializeType.JSON), commands(SerializeType.ROCKETMQ));
