package peer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What expressions select, asked for with pulls that carry them; and consumers with expressions that do not parse. */
final class Filters {
  private static final Map<String, DefaultMQPullConsumer> pullConsumers = new ConcurrentHashMap<>();

  private Filters() {}

  static void select(Command command) throws Exception {
    DefaultMQPullConsumer consumer =
        pullConsumers.computeIfAbsent(
            command.text("namesrv") + command.text("group"), key -> started(command));
    MessageQueue queue = new MessageQueue(command.text("topic"), "broker-a", 0);
    MessageSelector selector = MessageSelector.bySql(command.text("sql"));
    List<Object> keys = new ArrayList<>();
    long offset = 0;
    long end;
    do {
      PullResult result = pull(consumer, queue, selector, offset);
      if (result.getMsgFoundList() != null) {
        for (MessageExt message : result.getMsgFoundList()) {
          keys.add(message.getKeys());
        }
      }
      offset = result.getNextBeginOffset();
      end = result.getMaxOffset();
    } while (offset < end);
    command.line("SELECTED", keys.toArray());
  }

  static void check(Command command) {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    consumer.registerMessageListener(
        (MessageListenerConcurrently) (batch, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
    try {
      consumer.subscribe(command.text("topic"), MessageSelector.bySql(command.text("sql")));
      consumer.start();
      command.line("TAKEN");
    } catch (MQClientException refused) {
      Refusal.line(command, command.text("sql"), refused);
    } finally {
      consumer.shutdown();
    }
  }

  /** Refused until the first heartbeat to the broker, whose answer says that it is new enough. */
  private static PullResult pull(
      DefaultMQPullConsumer consumer, MessageQueue queue, MessageSelector selector, long offset)
      throws Exception {
    for (int tries = 1; ; tries++) {
      try {
        return consumer.pull(queue, selector, offset, 32, 30_000);
      } catch (MQClientException refused) {
        if (tries == 300 || !refused.getMessage().contains("does not upgrade")) {
          throw refused;
        }
        Thread.sleep(100);
      }
    }
  }

  private static DefaultMQPullConsumer started(Command command) {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    consumer.setHeartbeatBrokerInterval(1_000);
    try {
      consumer.start();
    } catch (MQClientException failure) {
      throw new IllegalStateException(failure);
    }
    return consumer;
  }
}
