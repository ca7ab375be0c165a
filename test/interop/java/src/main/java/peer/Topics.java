package peer;

import java.util.Set;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Makes, changes and deletes topics, and closes brokers to producers, as mqadmin does. */
final class Topics {
  private static final String CLUSTER = "DefaultCluster";

  private Topics() {}

  static void administer(Command command) throws Exception {
    DefaultMQAdminExt admin = OffsetReset.admin(command);
    try {
      String namesrv = command.text("namesrv");
      switch (command.text("do")) {
        case "put":
          TopicConfig config = new TopicConfig(command.text("topic"));
          config.setReadQueueNums(command.number("read", 8));
          config.setWriteQueueNums(command.number("write", 8));
          config.setPerm(command.number("perm", 6));
          admin.createAndUpdateTopicConfig(command.text("broker"), config);
          break;
        case "delete":
          String topic = command.text("topic");
          admin.deleteTopicInBroker(Set.of(command.text("broker")), topic);
          // The two changed places between 4.9 and 5.x.
          boolean isTopicFirst =
              MQVersion.getVersionDesc(MQVersion.CURRENT_VERSION).startsWith("V4");
          if (isTopicFirst) {
            admin.deleteTopicInNameServer(Set.of(namesrv), topic, CLUSTER);
          } else {
            admin.deleteTopicInNameServer(Set.of(namesrv), CLUSTER, topic);
          }
          break;
        case "wipe":
          command.line("TOPICS", admin.wipeWritePermOfBroker(namesrv, command.text("name")));
          break;
        case "open":
          command.line("TOPICS", admin.addWritePermOfBroker(namesrv, command.text("name")));
          break;
        default:
          throw new IllegalArgumentException("do " + command.text("do"));
      }
    } finally {
      admin.shutdown();
    }
  }
}
