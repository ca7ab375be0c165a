package peer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The official Java client as a test peer. Every event is one line of tab-separated fields on stdout, so that a test
 * reads what the client really saw:
 *
 * <pre>
 * peer produce --namesrv A --topic T --count N [--mode sync|async|oneway|batch] [--size BYTES] [--tag TAG]
 *   (oneway: all but the last)
 *   SENT    key  status  msgId  offsetMsgId  brokerName:queueId  queueOffset
 * peer consume --namesrv A --topic T --group G --count N [--tags EXPR] [--fail-first true]
 *   READY
 *   GOT     key  msgId  offsetMsgId  topic  queueId  queueOffset  reconsumeTimes  tags  bodySize  bodyCrc32
 * </pre>
 *
 * consume ends after N successful messages, or with exit code 3 after --timeout-s (60).
 */
public final class Peer {
  private Peer() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int i = 1; i + 1 < args.length; i += 2) {
      options.put(args[i].substring(2), args[i + 1]);
    }
    switch (args[0]) {
      case "produce":
        produce(options);
        break;
      case "consume":
        consume(options);
        break;
      default:
        throw new IllegalArgumentException("unknown command " + args[0]);
    }
    System.exit(0);
  }

  private static void produce(Map<String, String> options) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer("peer-producer");
    producer.setNamesrvAddr(options.get("namesrv"));
    producer.start();
    String mode = options.getOrDefault("mode", "sync");
    List<Message> messages = messages(options);
    if (mode.equals("batch")) {
      SendResult result = producer.send(messages);
      sent("batch", result);
    } else if (mode.equals("async")) {
      sendAsync(producer, messages);
    } else {
      for (Message message : messages) {
        // A client that closes right behind a oneway may reset the connection before the broker has read it.
        boolean isLast = message == messages.get(messages.size() - 1);
        if (mode.equals("oneway") && !isLast) {
          producer.sendOneway(message);
          line("SENT", message.getKeys(), "ONEWAY");
        } else {
          sent(message.getKeys(), producer.send(message));
        }
      }
    }
    producer.shutdown();
  }

  private static void sendAsync(DefaultMQProducer producer, List<Message> messages) throws Exception {
    CountDownLatch open = new CountDownLatch(messages.size());
    for (Message message : messages) {
      producer.send(
          message,
          new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              sent(message.getKeys(), result);
              open.countDown();
            }

            @Override
            public void onException(Throwable failure) {
              line("FAILED", message.getKeys(), String.valueOf(failure));
              open.countDown();
            }
          });
    }
    if (!open.await(60, TimeUnit.SECONDS)) {
      System.exit(3);
    }
  }

  private static List<Message> messages(Map<String, String> options) {
    int count = Integer.parseInt(options.get("count"));
    int size = Integer.parseInt(options.getOrDefault("size", "32"));
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String key = options.getOrDefault("prefix", "k") + i;
      StringBuilder body = new StringBuilder(key);
      while (body.length() < size) {
        body.append((char) ('a' + body.length() % 26));
      }
      Message message =
          new Message(
              options.get("topic"),
              options.getOrDefault("tag", "TagA"),
              key,
              body.toString().getBytes(StandardCharsets.UTF_8));
      message.putUserProperty("origin", "java");
      messages.add(message);
    }
    return messages;
  }

  private static void sent(String key, SendResult result) {
    line(
        "SENT",
        key,
        result.getSendStatus().name(),
        result.getMsgId(),
        result.getOffsetMsgId(),
        result.getMessageQueue().getBrokerName() + ":" + result.getMessageQueue().getQueueId(),
        String.valueOf(result.getQueueOffset()));
  }

  private static void consume(Map<String, String> options) throws Exception {
    int count = Integer.parseInt(options.get("count"));
    boolean failFirst = Boolean.parseBoolean(options.getOrDefault("fail-first", "false"));
    CountDownLatch wanted = new CountDownLatch(count);
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.get("group"));
    consumer.setNamesrvAddr(options.get("namesrv"));
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(options.get("topic"), options.getOrDefault("tags", "*"));
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (batch, context) -> {
              for (MessageExt message : batch) {
                seen.incrementAndGet();
                line(
                    "GOT",
                    message.getKeys(),
                    message.getMsgId(),
                    offsetMsgId(message),
                    message.getTopic(),
                    String.valueOf(message.getQueueId()),
                    String.valueOf(message.getQueueOffset()),
                    String.valueOf(message.getReconsumeTimes()),
                    String.valueOf(message.getTags()),
                    String.valueOf(message.getBody().length),
                    crc(message.getBody()));
                if (failFirst && message.getReconsumeTimes() == 0) {
                  return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
                wanted.countDown();
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    line("READY");
    int timeout = Integer.parseInt(options.getOrDefault("timeout-s", "60"));
    boolean complete = wanted.await(timeout, TimeUnit.SECONDS);
    consumer.shutdown();
    if (!complete) {
      line("TIMEOUT", String.valueOf(seen.get()));
      System.exit(3);
    }
  }

  private static String crc(byte[] body) {
    CRC32 crc = new CRC32();
    crc.update(body);
    return Long.toString(crc.getValue());
  }

  /** MessageClientExt hides the stored id behind the producer's; its accessor is the same in 4.9 and 5.x. */
  private static String offsetMsgId(MessageExt message) {
    return message instanceof org.apache.rocketmq.common.message.MessageClientExt
        ? ((org.apache.rocketmq.common.message.MessageClientExt) message).getOffsetMsgId()
        : message.getMsgId();
  }

  private static synchronized void line(String... fields) {
    System.out.println(String.join("\t", fields));
    System.out.flush();
  }
}
