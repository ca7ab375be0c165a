package peer;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumers that have a name: they broadcast, take batches, or share queues by a strategy of their own. */
final class Pushing {
  private Pushing() {}

  static Runnable push(Command command) throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setClientIP("127.0.0.1");
    consumer.setInstanceName(command.text("instance"));
    consumer.setPollNameServerInterval(1_000);
    consumer.setHeartbeatBrokerInterval(1_000);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setPersistConsumerOffsetInterval(1_000);
    consumer.setAwaitTerminationMillisWhenShutdown(5_000);
    consumer.setConsumeMessageBatchMaxSize(command.number("batch", 1));
    consumer.setAllocateMessageQueueStrategy(strategy(command.text("strategy", "AVG")));
    if (command.has("broadcasting")) broadcast(consumer);
    consumer.subscribe(command.text("topic"), "*");
    AtomicBoolean isFirst = new AtomicBoolean(true);
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (batch, context) -> {
              take(command, batch);
              boolean isPartial = command.has("ack") && isFirst.getAndSet(false);
              if (isPartial) context.setAckIndex(command.number("ack", 0));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    return consumer::shutdown;
  }

  /** The enum lies in another package in 4.9 than in 5.x. */
  private static void broadcast(DefaultMQPushConsumer consumer) {
    consumer.setMessageModel(
        Enum.valueOf(consumer.getMessageModel().getDeclaringClass(), "BROADCASTING"));
  }

  private static void take(Command command, List<MessageExt> batch) {
    command.line("BATCH", batch.size());
    for (MessageExt message : batch) Consuming.got(command, message);
  }

  private static AllocateMessageQueueStrategy strategy(String name) {
    switch (name) {
      case "AVG_BY_CIRCLE":
        return new AllocateMessageQueueAveragelyByCircle();
      case "CONSISTENT_HASH":
        return new AllocateMessageQueueConsistentHash();
      default:
        return new AllocateMessageQueueAveragely();
    }
  }
}
