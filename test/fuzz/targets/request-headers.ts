import assert from 'node:assert/strict';
import { decodeFrame, type ExtFields } from '../../../mq/protocol/frame.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { requestDefinitions } from '../request-definitions.ts';
import { outcomeOf, type Target } from '../target.ts';

const words = [
  '-1',
  '9223372036854775807',
  '9007199254740993',
  'true',
  '\n',
  '=',
  '%RETRY%',
  '%DLQ%',
  '../',
  '\u0000',
  '',
];

/** The header fields of every request and of every reply. An input is lines of `name=value`. */
export async function requestHeaders(): Promise<Target> {
  const definitions = [...(await requestDefinitions()).values()];
  return {
    name: 'request headers',
    material: {
      inputs: capturedFrames().map(({ bytes }) =>
        Buffer.from(
          Object.entries(decodeFrame(bytes).extFields ?? {})
            .map(([name, value]) => `${name}=${value}`)
            .join('\n'),
        ),
      ),
      words: words.map((word) => Buffer.from(word)),
    },
    check(input) {
      const fields = fieldsOf(input.toString('utf8'));
      const outcomes = definitions.map((definition) => {
        const request = outcomeOf(() => {
          const values = definition.decodeRequest(fields);
          const again = definition.decodeRequest(definition.encodeRequest(values));
          assert.deepEqual(again, values, 'reads what it writes');
        });
        const response = outcomeOf(() => {
          const values = definition.decodeResponse(fields);
          const again = definition.decodeResponse(definition.encodeResponse(values));
          assert.deepEqual(again, values, 'reads what it writes');
        });
        return request === 'taken' || response === 'taken' ? definition.code : '';
      });
      return outcomes.join(',');
    },
  };
}

function fieldsOf(text: string): ExtFields {
  return Object.fromEntries(
    text.split('\n').map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
