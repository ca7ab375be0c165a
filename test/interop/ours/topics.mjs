import { Admin } from 'millrace';

/** Makes, changes and deletes topics, and closes brokers to producers. */
export async function administerTopics({ options, line }, common) {
  const { namesrv, topic, broker: brokerAddr, read, write, perm, name } = options;
  const admin = new Admin({ ...common, namesrvAddr: namesrv });
  try {
    if (options.do === 'put') {
      await admin.createTopic({
        topic,
        brokerAddr,
        readQueueNums: Number(read),
        writeQueueNums: Number(write),
        perm: Number(perm),
      });
    } else if (options.do === 'delete') await admin.deleteTopic(topic);
    else if (options.do === 'wipe') line('TOPICS', await admin.wipeWritePerm(name));
    else line('TOPICS', await admin.addWritePerm(name));
  } finally {
    await admin.shutdown();
  }
}
