package peer;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

/** Push consumers whose assignment is the broker's business, which tells them to pop or to pull: 5.x has them, 4.9 does not. */
final class Popping {
  private Popping() {}

  static void prepare(DefaultMQPushConsumer consumer, Command command) throws Exception {
    if (!command.has("pop")) return;
    Class<?> type = consumer.getClass();
    type.getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
    int invisibleMs = command.number("invisible-ms", 60_000);
    type.getMethod("setPopInvisibleTime", long.class).invoke(consumer, (long) invisibleMs);
  }
}
