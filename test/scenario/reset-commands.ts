import { parseDuration } from '../../mq/testkit/duration.ts';
import type { QueueReset, ResetPosition } from '../../mq/index.ts';
import { command, numbers, same, words, type Command } from './command.ts';
import type { Stage } from './stage.ts';

/** Of groups that are sent elsewhere, and of how far they have come. Progress is `<b>:<queueId>=<offset>`. */
export const resetCommands: readonly Command[] = [
  command(
    'reset <G> in <T> to earliest|latest|<offset>|-<d> [queue=<b>:<n>] [force=false] [moves <b>:<n>=<from>-><to> …] [fails <CODE>]',
    /^reset (?<group>\S+) in (?<topic>\S+) to (?<place>\S+)(?<options>(?: \w+=\S+)*)(?: moves (?<moves>.+?))?(?: fails (?<code>[A-Z_]+))?$/,
    async (stage, { group, topic, place, options, moves, code }) => {
      const resetting = stage.operator.run((admin) =>
        admin.resetOffset(group!, topic!, position(stage, place!), resetOptions(options!)),
      );
      await outcome(resetting, moves, code);
    },
  ),
  command(
    'skip backlog of <G> in <T> [moves <b>:<n>=<from>-><to> …] [fails <CODE>]',
    /^skip backlog of (?<group>\S+) in (?<topic>\S+)(?: moves (?<moves>.+?))?(?: fails (?<code>[A-Z_]+))?$/,
    (stage, { group, topic, moves, code }) =>
      outcome(
        stage.operator.run((admin) => admin.skipBacklog(group!, topic!)),
        moves,
        code,
      ),
  ),
  command(
    'a straggler of <G> reports <T> <b>:<n>=<offset>',
    /^a straggler of (?<group>\S+) reports (?<topic>\S+) (?<b>\w+):(?<queueId>\d+)=(?<offset>\d+)$/,
    (stage, { group, topic, b, queueId, offset }) =>
      stage.operator.reportOneway(stage.broker(b!).running.address, {
        consumerGroup: group!,
        topic: topic!,
        queueId: Number(queueId),
        commitOffset: Number(offset),
      }),
  ),
  command(
    'expect progress <G> in <T>: <b>:<n>=<offset>|none …',
    /^expect progress (?<group>\S+) in (?<topic>\S+): (?<progress>.+)$/,
    (stage, { group, topic, progress }) =>
      same(stage, words(progress!), async () => {
        const queues = await stage.operator.run((admin) => admin.consumerProgress(group!, topic!));
        return queues.map(
          ({ messageQueue: { brokerName, queueId }, consumerOffset }) =>
            `${brokerName}:${queueId}=${consumerOffset ?? 'none'}`,
        );
      }),
  ),
];

function position(stage: Stage, place: string): ResetPosition {
  if (place === 'earliest' || place === 'latest') return place;
  if (!/^-\d+\D/.test(place)) return { offset: Number(place) };
  return { timestampMs: stage.world.clock.now() - parseDuration(place.slice(1)) };
}

function resetOptions(text: string) {
  const { queue, ...options } = numbers(text);
  if (queue === undefined) return options;
  const [brokerName, queueId] = String(queue).split(':');
  return { ...options, queue: { brokerName: brokerName!, queueId: Number(queueId) } };
}

async function outcome(
  resetting: Promise<readonly QueueReset[]>,
  moves: string | undefined,
  code: string | undefined,
): Promise<void> {
  const [got, failure] = await resetting.then(
    (queues) => [queues.map(shown).join(' '), 'nothing'],
    (error: unknown) => ['', (error as { code?: string }).code ?? String(error)],
  );
  if (failure !== (code ?? 'nothing')) throw new Error(`it failed with ${failure}`);
  if (moves !== undefined && got !== moves) throw new Error(`it moves ${got}`);
}

function shown({ messageQueue: { brokerName, queueId }, from, to }: QueueReset): string {
  return `${brokerName}:${queueId}=${from ?? 'none'}->${to}`;
}
