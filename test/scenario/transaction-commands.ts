import type { LocalTransactionState } from '../../mq/index.ts';
import { TransactionDecision } from '../../mq/protocol/requests/end-transaction.ts';
import { parseDuration } from '../../mq/testkit/duration.ts';
import { bodies, command, same, words, type Command } from './command.ts';

const states: Readonly<Record<string, LocalTransactionState>> = {
  commits: 'COMMIT_MESSAGE',
  'rolls-back': 'ROLLBACK_MESSAGE',
  'leaves-open': 'UNKNOW',
  commit: 'COMMIT_MESSAGE',
  rollback: 'ROLLBACK_MESSAGE',
  unknow: 'UNKNOW',
};

/** Of producers in transactions, which are called transactors, and of what became of their half messages. */
export const transactionCommands: readonly Command[] = [
  command(
    'transactor <t> joins <G>',
    /^transactor (?<t>\w+) joins (?<group>\S+)$/,
    (stage, { t, group }) => stage.addTransactionProducer(t!, group!),
  ),
  command(
    'transactor <t> leaves|dies',
    /^transactor (?<t>\w+) (?<how>leaves|dies)$/,
    (stage, { t, how }) => {
      if (how === 'leaves') stage.transactionProducer(t!).leave();
      else stage.transactionProducer(t!).kill();
    },
  ),
  command(
    'transactor <t> begins <tx> on <T> [immunity=<duration>]',
    /^transactor (?<t>\w+) begins (?<tx>\w+) on (?<topic>\S+)(?: immunity=(?<immunity>\S+))?$/,
    (stage, { t, tx, topic, immunity }) =>
      stage
        .transactionProducer(t!)
        .begin(
          { topic: topic!, body: tx! },
          immunity === undefined ? undefined : parseDuration(immunity) / 1000,
        ),
  ),
  command(
    'transactor <t> commits|rolls-back|leaves-open <tx>',
    /^transactor (?<t>\w+) (?<how>commits|rolls-back|leaves-open) (?<tx>\w+)$/,
    (stage, { t, how, tx }) => stage.transactionProducer(t!).end(tx!, states[how!]!),
  ),
  command(
    'transactor <t> answers <tx> commit|rollback|unknow',
    /^transactor (?<t>\w+) answers (?<tx>\w+) (?<answer>commit|rollback|unknow)$/,
    (stage, { t, tx, answer }) => stage.transactionProducer(t!).answer(tx!, states[answer!]!),
  ),
  command(
    'expect <t> asked nothing | <tx> …',
    /^expect (?<t>\w+) asked (?<names>.+)$/,
    async (stage, { t, names }) => {
      const producer = stage.transactionProducer(t!);
      await same(stage, names === 'nothing' ? [] : words(names!), () => producer.news(), true);
      producer.takeNews();
    },
  ),
  command(
    'tell <b> <tx> commit|rollback: <CODE>',
    /^tell (?<b>\w+) (?<tx>\w+) (?<decision>commit|rollback): (?<code>[A-Z_]+)$/,
    async (stage, { b, tx, decision, code }) => {
      const { address } = stage.broker(b!).running;
      const value =
        decision === 'commit' ? TransactionDecision.COMMIT : TransactionDecision.ROLLBACK;
      const answer = await stage.operator.tell(address, tx!, value);
      if (answer !== code) throw new Error(`the answer is ${answer}`);
    },
  ),
  command(
    'expect discarded at <b>: nothing | <tx> …',
    /^expect discarded at (?<b>\w+): (?<names>.+)$/,
    (stage, { b, names }) =>
      same(stage, bodies(names!), async () => {
        const records = await stage.operator.discarded(stage.broker(b!).running.address);
        return records.map((record) => record.body.toString());
      }),
  ),
  command('resume <tx> at <b>', /^resume (?<tx>\w+) at (?<b>\w+)$/, (stage, { tx, b }) =>
    stage.operator.resume(stage.broker(b!).running.address, tx!),
  ),
];
