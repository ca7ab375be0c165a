import { Brokers, type Bench } from '../bench.ts';
import type { BrokerName } from '../broker-under-test.ts';
import { rounded } from '../figures.ts';
import { JAVA_CLIENT_S } from '../java-clients.ts';

const PRODUCE_TOPIC = 'BenchJavaProduce';
const CONSUME_TOPIC = 'BenchJavaConsume';
const QUEUES = 8;
const BODY_BYTES = 1_024;
const THREADS = 64;
/** More than its consumer takes in the time it is given. */
const CONSUMED_PER_S = 200_000;

/** Apache RocketMQ's own benchmark programs against both brokers, by their own count: 64 threads, 1 KiB. */
export async function measureJava(bench: Bench): Promise<Record<string, number>> {
  const { java, say } = bench;
  if (java === undefined) throw new Error('java is measured with --vs rocketmq only');
  const figures: Record<string, number> = {};
  const tell = (name: string, broker: BrokerName, perS: number): void => {
    figures[`${name}_${broker}_per_s`] = perS;
    say(`  Java ${name} on ${broker.padEnd(8)} ${perS.toLocaleString('en').padStart(9)}/s`);
  };
  for (const flush of bench.flush) {
    await using brokers = await Brokers.start(bench, flush);
    await brokers.createTopic(PRODUCE_TOPIC, QUEUES);
    for (const { name, namesrvAddr } of brokers.all) {
      const load = { namesrvAddr, topic: PRODUCE_TOPIC, threads: THREADS };
      tell(`produce_${flush}`, name, await java.produce({ ...load, bodyBytes: BODY_BYTES }));
    }
  }
  await using brokers = await Brokers.start(bench, 'async');
  await brokers.createTopic(CONSUME_TOPIC, QUEUES);
  const shape = { topic: CONSUME_TOPIC, queueCount: QUEUES, bodyBytes: BODY_BYTES, batchCount: 1 };
  await brokers.store(shape, CONSUMED_PER_S * JAVA_CLIENT_S);
  for (const { name, namesrvAddr } of brokers.all) {
    const load = { namesrvAddr, topic: CONSUME_TOPIC, threads: THREADS };
    tell('consume', name, await java.consume(load));
  }
  return { ...figures, ...ratiosOf(figures) };
}

function ratiosOf(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures)
      .filter(([name]) => name.endsWith('_millrace_per_s'))
      .map(([name, ours]) => {
        const theirs = figures[name.replace('_millrace_', '_rocketmq_')] ?? 0;
        return [name.replace('_millrace_per_s', '_ratio'), rounded(ours / theirs)];
      }),
  );
}
