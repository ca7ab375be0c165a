package peer;

import java.util.Map;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Looks at a topic and the group that consumes it, as mqadmin and the dashboard do. */
final class Inspection {
  private Inspection() {}

  static void inspect(Command command) throws Exception {
    DefaultMQAdminExt admin = OffsetReset.admin(command);
    try {
      String topic = command.text("topic");
      String group = command.text("group");
      admin
          .examineTopicStats(topic)
          .getOffsetTable()
          .forEach(
              (queue, stats) ->
                  command.line(
                      "STATS", queue.getQueueId(), stats.getMinOffset(), stats.getMaxOffset()));
      admin
          .examineConsumeStats(group)
          .getOffsetTable()
          .forEach(
              (queue, stats) ->
                  command.line(
                      "PROGRESS",
                      queue.getTopic(),
                      queue.getQueueId(),
                      stats.getBrokerOffset(),
                      stats.getConsumerOffset()));
      command.line("GROUPS", String.join(",", admin.queryTopicConsumeByWho(topic).getGroupList()));
      admin
          .queryConsumeTimeSpan(topic, group)
          .forEach(
              span ->
                  command.line("SPAN", span.getMessageQueue().getQueueId(), span.getDelayTime()));
      for (var connection : admin.examineConsumerConnectionInfo(group).getConnectionSet()) {
        String clientId = connection.getClientId();
        command.line("CONNECTION", clientId, connection.getLanguage());
        try {
          admin
              .getConsumerRunningInfo(group, clientId, false)
              .getMqTable()
              .forEach(
                  (queue, info) ->
                      command.line(
                          "RUNNING",
                          queue.getTopic(),
                          queue.getQueueId(),
                          info.getCommitOffset()));
        } catch (MQClientException refusal) {
          command.line("REFUSED", "info", refusal.getResponseCode(), refusal.getErrorMessage());
        }
        Map<String, Map<MessageQueue, Long>> status = admin.getConsumeStatus(topic, group, clientId);
        status
            .get(clientId)
            .forEach((queue, offset) -> command.line("STATUS", queue.getQueueId(), offset));
        command.line(
            "DIRECTLY",
            admin
                .consumeMessageDirectly(group, clientId, topic, command.text("msgId"))
                .getConsumeResult());
      }
    } finally {
      admin.shutdown();
    }
  }
}
