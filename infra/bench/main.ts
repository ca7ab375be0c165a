/** The process behind `npm run bench`. Brokers and generators are its children, and end with its process group. */
import { runBench } from '@millrace/loadtest';
import { rocketmqClasspath } from '../rocketmq/distribution.ts';
import { javaClients } from './java-clients.ts';
import { rocketmqBroker } from './rocketmq-broker.ts';

const root = process.cwd();

process.exitCode = await runBench(process.argv.slice(2), {
  root,
  rocketmq: async () => {
    const classpath = await rocketmqClasspath(root);
    return { kind: rocketmqBroker(classpath), java: javaClients(classpath) };
  },
});
