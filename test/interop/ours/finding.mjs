/** Our admin client as a test peer; see `find` and `search` in ../java/src/main/java/peer/Peer.java. */
import { Admin } from 'millrace';

/**
 * @param {object} common options of every client
 * @param {{ got: Function, refused: Function }} tell writes a message, or a refusal, as a line
 */
export function finding(common, { got, refused }) {
  async function withAdmin({ options }, work) {
    const admin = new Admin({ ...common, namesrvAddr: options.namesrv });
    try {
      await work(admin);
    } finally {
      await admin.shutdown();
    }
  }

  function find(command) {
    const { topic, key, id, begin, end, max } = command.options;
    const range = {
      ...(begin !== undefined && { beginMs: Number(begin) }),
      ...(end !== undefined && { endMs: Number(end) }),
      ...(max !== undefined && { maxNum: Number(max) }),
    };
    return withAdmin(command, async (admin) => {
      try {
        const messages =
          id === undefined
            ? await admin.queryMessages(topic, key, range)
            : [(await admin.messageByUniqueKey(topic, id)) ?? (await admin.viewMessage(id))];
        for (const message of messages) if (message !== undefined) got(command, message);
      } catch (error) {
        refused(command, 'find', error);
      }
    });
  }

  function search(command) {
    const { topic, queue, timestamp } = command.options;
    const [brokerName, queueId] = queue.split(':');
    const asked = { topic, brokerName, queueId: Number(queueId) };
    return withAdmin(command, async (admin) => {
      let earliestMs = -1;
      for await (const first of admin.messagesByTime(topic, { limit: 1 })) {
        earliestMs = first.storeTimestamp;
      }
      command.line('OFFSET', await admin.searchOffset(asked, Number(timestamp)), earliestMs);
    });
  }

  return { find, search };
}
