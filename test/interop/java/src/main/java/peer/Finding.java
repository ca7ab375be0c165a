package peer;

import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Finds messages by key, by id and by time, as every client of Java is able to. */
final class Finding {
  private Finding() {}

  static void find(Command command) throws Exception {
    DefaultMQProducer client = Sending.producer(command.text("namesrv"));
    String topic = command.text("topic");
    try {
      if (command.has("id")) {
        Consuming.got(command, client.viewMessage(topic, command.text("id")));
        return;
      }
      long begin = Long.parseLong(command.text("begin", "0"));
      long end = Long.parseLong(command.text("end", Long.toString(Long.MAX_VALUE)));
      int max = command.number("max", 32);
      for (MessageExt message :
          client.queryMessage(topic, command.text("key"), max, begin, end).getMessageList()) {
        Consuming.got(command, message);
      }
    } catch (MQClientException failure) {
      // "No message" is a failure to this client, with the code of an answer that says so, or with none.
      Refusal.line(command, "find", failure);
    }
  }

  static void search(Command command) throws Exception {
    DefaultMQProducer client = Sending.producer(command.text("namesrv"));
    String[] queue = command.text("queue").split(":");
    MessageQueue asked =
        new MessageQueue(command.text("topic"), queue[0], Integer.parseInt(queue[1]));
    long timestamp = Long.parseLong(command.text("timestamp"));
    command.line(
        "OFFSET", client.searchOffset(asked, timestamp), client.earliestMsgStoreTime(asked));
  }
}
