package peer;

import java.util.Collection;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The lite pull consumer, and the older one that pulls whatever it is told to. */
@SuppressWarnings("deprecation")
final class Pulling {
  private static final long POLL_MS = 200;

  private Pulling() {}

  /** Polls in a thread of its own until it is stopped. */
  static Runnable poll(Command command) throws Exception {
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    consumer.setPollNameServerInterval(1_000);
    consumer.setHeartbeatBrokerInterval(1_000);
    consumer.setPersistConsumerOffsetInterval(1_000);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAutoCommit(command.has("auto"));
    consumer.setAutoCommitIntervalMillis(1_000);
    String topic = command.text("topic");
    boolean isAssigned = command.has("assign");
    if (!isAssigned) {
      consumer.subscribe(topic, command.text("tags", "*"));
    } else if (command.has("tags")) {
      consumer.setSubExpressionForAssign(topic, command.text("tags"));
    }
    consumer.start();
    if (isAssigned) {
      Collection<MessageQueue> queues = consumer.fetchMessageQueues(topic);
      consumer.assign(queues);
      for (MessageQueue queue : queues) {
        seek(consumer, queue, command.text("seek", ""));
      }
    }
    boolean[] isOver = {false};
    Thread polling =
        new Thread(
            () -> {
              while (!isOver[0]) {
                List<MessageExt> messages = consumer.poll(POLL_MS);
                messages.forEach(message -> Consuming.got(command, message));
                if (!command.has("auto") && !messages.isEmpty()) {
                  consumer.commitSync();
                }
              }
            });
    polling.start();
    return () -> {
      isOver[0] = true;
      try {
        polling.join();
      } catch (InterruptedException never) {
        Thread.currentThread().interrupt();
      }
      consumer.shutdown();
    };
  }

  private static void seek(DefaultLitePullConsumer consumer, MessageQueue queue, String where)
      throws Exception {
    switch (where) {
      case "":
        break;
      case "begin":
        consumer.seekToBegin(queue);
        break;
      case "end":
        consumer.seekToEnd(queue);
        break;
      default:
        consumer.seek(queue, Long.parseLong(where));
    }
  }

  static void pull(Command command) throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    consumer.start();
    try {
      String[] queue = command.text("queue").split(":");
      String topic = command.text("topic");
      MessageQueue from = new MessageQueue(topic, queue[0], Integer.parseInt(queue[1]));
      long offset = Long.parseLong(command.text("offset"));
      String tags = command.text("tags", "*");
      int count = command.number("count", 32);
      PullResult result =
          command.has("block")
              ? consumer.pullBlockIfNotFound(from, tags, offset, count)
              : consumer.pull(from, tags, offset, count);
      command.line(
          "PULLED",
          result.getPullStatus(),
          result.getNextBeginOffset(),
          result.getMinOffset(),
          result.getMaxOffset());
      if (result.getMsgFoundList() != null) {
        result.getMsgFoundList().forEach(message -> Consuming.got(command, message));
      }
    } catch (MQBrokerException refusal) {
      command.line(
          "REFUSED",
          command.text("topic"),
          refusal.getResponseCode(),
          refusal.getErrorMessage());
    } finally {
      consumer.shutdown();
    }
  }
}
