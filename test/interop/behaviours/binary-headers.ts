import type { Behaviour, Behaviours } from '../support/cell.ts';
import { consumesEach } from './consuming.ts';
import { redelivers } from './retry.ts';
import { sendsBatch, sendsEach } from './sending.ts';
import { commits } from './transactions.ts';

const binary = (title: string, run: Behaviour['run']): Behaviour => ({
  title,
  serializeType: 'ROCKETMQ',
  absent: [
    {
      client: /^Go/,
      why: 'The Go client can read binary headers, but nothing makes it write them.',
    },
  ],
  run,
});

/** The same as elsewhere, with the client's process set to `rocketmq.serialize.type=ROCKETMQ`. */
export const binaryHeaders: Behaviours = {
  heading: 'With binary headers (rocketmq.serialize.type=ROCKETMQ)',
  behaviours: [
    binary('sends, one by one', (cell) => sendsEach(cell, 'sync')),
    binary('sends a batch', sendsBatch),
    binary('consumes small, large and batched messages', consumesEach),
    binary('asks for redelivery and gets the message again', redelivers),
    binary('sends a half message and commits it', commits),
  ],
};
