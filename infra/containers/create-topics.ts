import { createTopics, topics } from '../demo/topics.ts';

// Runs once in a container of its own, before the services, on whatever name servers there are.
const namesrvAddr = process.env['NAMESRV_ADDR'];
if (!namesrvAddr) throw new Error('NAMESRV_ADDR is not set, it must be host:port');
await createTopics(namesrvAddr);
console.log(`${topics.length} topics at ${namesrvAddr}`);
