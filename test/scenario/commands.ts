import { brokerCommands } from './broker-commands.ts';
import type { Command } from './command.ts';
import { consumerCommands } from './consumer-commands.ts';
import { producerCommands } from './producer-commands.ts';
import { popCommands } from './pop-commands.ts';
import { pullCommands } from './pull-commands.ts';
import { resetCommands } from './reset-commands.ts';
import { topicCommands } from './topic-commands.ts';
import { transactionCommands } from './transaction-commands.ts';

/** All that transcripts may say. No line is two of them: `expect t1 asked` and `expect c1 got` differ in their verbs. */
export const commands: readonly Command[] = [
  ...brokerCommands,
  ...consumerCommands,
  ...producerCommands,
  ...popCommands,
  ...pullCommands,
  ...resetCommands,
  ...topicCommands,
  ...transactionCommands,
];
