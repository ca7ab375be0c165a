package peer;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageQueue;

/** Sends, and recalls what was sent. What only newer clients have is found by name, so that both versions compile. */
final class Sending {
  private static final Map<String, DefaultMQProducer> producers = new ConcurrentHashMap<>();

  private Sending() {}

  static void produce(Command command) throws Exception {
    DefaultMQProducer producer = producer(command.text("namesrv"));
    String mode = command.text("mode", "sync");
    List<Message> messages = messages(command);
    if (mode.equals("batch")) {
      sendBatch(command, producer, messages);
    } else if (mode.equals("async")) {
      sendAsync(command, producer, messages);
    } else {
      for (Message message : messages) {
        // A client that closes right behind a oneway may reset the connection before the broker has read it.
        boolean isLast = message == messages.get(messages.size() - 1);
        if (mode.equals("oneway") && !isLast) {
          producer.sendOneway(message);
          command.line("SENT", message.getKeys(), "ONEWAY");
        } else {
          sendSync(command, producer, message);
        }
      }
    }
  }

  static void recall(Command command) throws Exception {
    DefaultMQProducer producer = producer(command.text("namesrv"));
    Method recallMessage =
        DefaultMQProducer.class.getMethod("recallMessage", String.class, String.class);
    String handle = command.text("handle");
    try {
      command.line("RECALLED", recallMessage.invoke(producer, command.text("topic"), handle));
    } catch (InvocationTargetException failure) {
      Refusal.line(command, handle, failure.getCause());
    }
  }

  static DefaultMQProducer producer(String namesrv) throws MQClientException {
    synchronized (producers) {
      DefaultMQProducer producer = producers.get(namesrv);
      if (producer == null) {
        producer = new DefaultMQProducer("peer-producer");
        producer.setNamesrvAddr(namesrv);
        producer.setInstanceName(Peer.instanceName(namesrv));
        // The machine is busy, and a send that is repeated is a message that comes twice.
        producer.setSendMsgTimeout(30_000);
        producer.start();
        producers.put(namesrv, producer);
      }
      return producer;
    }
  }

  private static void sendSync(Command command, DefaultMQProducer producer, Message message)
      throws Exception {
    String shardingKey = message.getUserProperty("shard");
    long startedAt = System.currentTimeMillis();
    try {
      SendResult result;
      if (command.has("queue")) {
        String[] queue = command.text("queue").split(":");
        result =
            producer.send(
                message,
                new MessageQueue(message.getTopic(), queue[0], Integer.parseInt(queue[1])));
      } else if (shardingKey == null) {
        result = producer.send(message);
      } else {
        result = producer.send(message, new SelectMessageQueueByHash(), shardingKey);
      }
      sent(command, message.getKeys(), result, startedAt);
    } catch (Exception failure) {
      Refusal.line(command, message.getKeys(), failure);
    }
  }

  private static void sendBatch(
      Command command, DefaultMQProducer producer, List<Message> messages) {
    long startedAt = System.currentTimeMillis();
    try {
      sent(command, "batch", producer.send(messages), startedAt);
    } catch (Exception failure) {
      Refusal.line(command, "batch", failure);
    }
  }

  private static void sendAsync(Command command, DefaultMQProducer producer, List<Message> messages)
      throws Exception {
    CountDownLatch open = new CountDownLatch(messages.size());
    for (Message message : messages) {
      long startedAt = System.currentTimeMillis();
      producer.send(
          message,
          new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              sent(command, message.getKeys(), result, startedAt);
              open.countDown();
            }

            @Override
            public void onException(Throwable failure) {
              Refusal.line(command, message.getKeys(), failure);
              open.countDown();
            }
          });
    }
    if (!open.await(60, TimeUnit.SECONDS)) {
      throw new IllegalStateException(open.getCount() + " sends had no answer after 60 s");
    }
  }

  private static List<Message> messages(Command command) throws Exception {
    int size = command.number("size", 32);
    int shards = command.number("shards", 0);
    String[] tags = command.text("tags", "TagA").split(",");
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < command.number("count", 1); i++) {
      String key = command.text("prefix", "k") + i;
      StringBuilder body = new StringBuilder(key);
      while (body.length() < size) {
        body.append((char) ('a' + body.length() % 26));
      }
      byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
      Message message = new Message(command.text("topic"), tags[i % tags.length], key, bytes);
      message.putUserProperty("origin", "java");
      if (shards > 0) {
        message.putUserProperty("shard", "shard-" + i % shards);
      }
      if (command.has("level")) {
        message.setDelayTimeLevel(command.number("level", 0));
      }
      if (command.has("timer")) {
        String[] timer = command.text("timer").split(":");
        putTimer(message, timer[0], timer[1]);
      }
      if (command.has("properties")) {
        for (String each : command.text("properties").split("\u0002")) {
          String[] property = each.split("\u0001");
          message.putUserProperty(property[0], property[1]);
        }
      }
      if (command.has("property")) {
        String[] property = command.text("property").split(":");
        MessageAccessor.putProperty(message, property[0], property[1]);
      }
      messages.add(message);
    }
    return messages;
  }

  /** By the client's own setter where it has one; the property put by hand where it has none. */
  private static void putTimer(Message message, String property, String value) throws Exception {
    String setter;
    switch (property) {
      case "TIMER_DELAY_MS":
        setter = "setDelayTimeMs";
        break;
      case "TIMER_DELAY_SEC":
        setter = "setDelayTimeSec";
        break;
      default:
        setter = "setDeliverTimeMs";
    }
    try {
      Message.class.getMethod(setter, long.class).invoke(message, Long.parseLong(value));
    } catch (NoSuchMethodException hasNoSetter) {
      MessageAccessor.putProperty(message, property, value);
    }
  }

  private static void sent(Command command, String key, SendResult result, long startedAt) {
    command.line(
        "SENT",
        key,
        result.getSendStatus(),
        result.getMsgId(),
        result.getOffsetMsgId(),
        result.getMessageQueue().getBrokerName() + ":" + result.getMessageQueue().getQueueId(),
        result.getQueueOffset(),
        startedAt,
        recallHandle(result));
  }

  private static String recallHandle(SendResult result) {
    try {
      Object handle = SendResult.class.getMethod("getRecallHandle").invoke(result);
      return handle == null ? "" : handle.toString();
    } catch (ReflectiveOperationException hasNoRecall) {
      return "";
    }
  }
}
