package peer;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumers, concurrent and orderly, that fail as often as they are told. */
final class Consuming {
  private Consuming() {}

  static Runnable start(Command command) throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    // A group's retry topic exists from its first heartbeat on; the default finds it 30 s later.
    consumer.setPollNameServerInterval(1_000);
    consumer.setHeartbeatBrokerInterval(1_000);
    consumer.setConsumeFromWhere(
        command.text("from", "first").equals("last")
            ? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET
            : ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setPersistConsumerOffsetInterval(1_000);
    // A shutdown that waits for the listener reports it, too.
    consumer.setAwaitTerminationMillisWhenShutdown(5_000);
    // In minutes, and at least one.
    consumer.setConsumeTimeout(1);
    consumer.setMaxReconsumeTimes(command.number("max", -1));
    Popping.prepare(consumer, command);
    consumer.subscribe(
        command.text("topic"),
        command.has("sql")
            ? MessageSelector.bySql(command.text("sql"))
            : MessageSelector.byTag(command.text("tags", "*")));
    Map<String, Integer> timesSeen = new ConcurrentHashMap<>();
    if (command.has("orderly")) {
      consumer.registerMessageListener(
          (MessageListenerOrderly)
              (batch, context) -> {
                context.setSuspendCurrentQueueTimeMillis(100);
                return isConsumed(command, batch, timesSeen)
                    ? ConsumeOrderlyStatus.SUCCESS
                    : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
              });
    } else {
      consumer.registerMessageListener(
          (MessageListenerConcurrently)
              (batch, context) -> {
                context.setDelayLevelWhenNextConsume(command.number("level", 0));
                return isConsumed(command, batch, timesSeen)
                    ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS
                    : ConsumeConcurrentlyStatus.RECONSUME_LATER;
              });
    }
    consumer.start();
    return consumer::shutdown;
  }

  private static boolean isConsumed(
      Command command, List<MessageExt> batch, Map<String, Integer> timesSeen) {
    boolean isConsumed = true;
    for (MessageExt message : batch) {
      got(command, message);
      int times = timesSeen.merge(String.valueOf(message.getKeys()), 1, Integer::sum);
      isConsumed &= times > command.number("fail-times", 0);
      boolean isHanging = times <= command.number("hang-times", 0);
      work(isHanging ? Long.MAX_VALUE : command.number("work-ms", 0));
    }
    if (!isConsumed && command.has("throws")) {
      throw new IllegalStateException("thrown by the listener, as the test wants it");
    }
    return isConsumed;
  }

  private static void work(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException isShuttingDown) {
      Thread.currentThread().interrupt();
    }
  }

  static void got(Command command, MessageExt message) {
    CRC32 crc = new CRC32();
    crc.update(message.getBody());
    command.line(
        "GOT",
        message.getKeys(),
        message.getMsgId(),
        offsetMsgId(message),
        message.getTopic(),
        message.getQueueId(),
        message.getQueueOffset(),
        message.getReconsumeTimes(),
        message.getTags(),
        message.getBody().length,
        crc.getValue(),
        System.currentTimeMillis(),
        message.getTransactionId(),
        message.getProperty("origin"));
  }

  /** MessageClientExt hides the stored id behind the producer's; its accessor is the same in 4.9 and 5.x. */
  private static String offsetMsgId(MessageExt message) {
    return message instanceof MessageClientExt
        ? ((MessageClientExt) message).getOffsetMsgId()
        : message.getMsgId();
  }
}
