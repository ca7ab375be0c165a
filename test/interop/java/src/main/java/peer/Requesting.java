package peer;

import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Asks for replies, and replies. */
final class Requesting {
  private Requesting() {}

  static void request(Command command) throws Exception {
    DefaultMQProducer producer = Sending.producer(command.text("namesrv"));
    String key = command.text("key");
    byte[] body = key.getBytes(StandardCharsets.UTF_8);
    try {
      Message reply =
          producer.request(
              new Message(command.text("topic"), "TagA", key, body),
              command.number("timeout", 20_000));
      command.line("REPLIED", key, reply.getTopic(), new String(reply.getBody(), StandardCharsets.UTF_8));
    } catch (Exception failure) {
      Refusal.line(command, key, failure);
    }
  }

  /** Replies to every message of a topic until it is stopped. */
  static Runnable reply(Command command) throws Exception {
    DefaultMQProducer producer = Sending.producer(command.text("namesrv"));
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(command.text("group"));
    consumer.setNamesrvAddr(command.text("namesrv"));
    consumer.setInstanceName(Peer.instanceName(command.id));
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(command.text("topic"), "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                reply(command, producer, message);
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    return consumer::shutdown;
  }

  private static void reply(Command command, DefaultMQProducer producer, MessageExt request) {
    String asked = new String(request.getBody(), StandardCharsets.UTF_8);
    byte[] body = ("reply to " + asked).getBytes(StandardCharsets.UTF_8);
    try {
      SendResult result = producer.send(MessageUtil.createReplyMessage(request, body));
      command.line("SENT", request.getKeys(), result.getSendStatus());
    } catch (Exception failure) {
      Refusal.line(command, request.getKeys(), failure);
    }
  }
}
