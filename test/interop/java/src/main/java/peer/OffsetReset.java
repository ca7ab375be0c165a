package peer;

import java.util.HashMap;
import java.util.Map;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Sends a group elsewhere, as mqadmin and the dashboard do. */
final class OffsetReset {
  private static final int CONSUMER_NOT_ONLINE = 206;

  private OffsetReset() {}

  static void reset(Command command) throws Exception {
    DefaultMQAdminExt admin = admin(command);
    try {
      String topic = command.text("topic");
      String group = command.text("group");
      long timestamp = Long.parseLong(command.text("timestamp"));
      Map<MessageQueue, Long> offsets = new HashMap<>();
      try {
        offsets.putAll(admin.resetOffsetByTimestamp(topic, group, timestamp, true));
      } catch (MQClientException refusal) {
        if (refusal.getResponseCode() != CONSUMER_NOT_ONLINE) {
          throw refusal;
        }
        admin
            .resetOffsetByTimestampOld(group, topic, timestamp, true)
            .forEach(
                stats ->
                    offsets.put(
                        new MessageQueue(topic, stats.getBrokerName(), (int) stats.getQueueId()),
                        stats.getRollbackOffset()));
      }
      offsets.forEach((queue, offset) -> command.line("RESET", queue.getQueueId(), offset));
    } catch (MQClientException refusal) {
      command.line("REFUSED", "reset", refusal.getResponseCode(), refusal.getErrorMessage());
    } finally {
      admin.shutdown();
    }
  }

  static DefaultMQAdminExt admin(Command command) throws Exception {
    DefaultMQAdminExt admin = new DefaultMQAdminExt(30_000);
    admin.setNamesrvAddr(command.text("namesrv"));
    admin.setInstanceName(Peer.instanceName("admin-" + command.id));
    admin.start();
    return admin;
  }
}
