package peer;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

/** Transaction producers whose local transactions and check-backs say what they are told. */
final class Transactions {
  private static final Map<String, TransactionMQProducer> producers = new ConcurrentHashMap<>();
  private static final Map<String, CompletableFuture<LocalTransactionState>> decisions =
      new ConcurrentHashMap<>();
  private static final Map<String, LocalTransactionState> answers = new ConcurrentHashMap<>();

  private Transactions() {}

  static Runnable begin(Command command) throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer(command.text("group"));
    producer.setNamesrvAddr(command.text("namesrv"));
    producer.setInstanceName(Peer.instanceName(command.id));
    producer.setHeartbeatBrokerInterval(1_000);
    producer.setSendMsgTimeout(30_000);
    producer.setTransactionListener(
        new TransactionListener() {
          @Override
          public LocalTransactionState executeLocalTransaction(Message message, Object transact) {
            ((Command) transact).line("LOCAL", message.getKeys(), message.getTransactionId());
            try {
              return decision(message.getKeys()).get(120, TimeUnit.SECONDS);
            } catch (Exception undecided) {
              throw new IllegalStateException(undecided);
            }
          }

          @Override
          public LocalTransactionState checkLocalTransaction(MessageExt message) {
            LocalTransactionState state =
                answers.getOrDefault(message.getKeys(), LocalTransactionState.UNKNOW);
            command.line("CHECKED", message.getKeys(), message.getTransactionId(), state);
            return state;
          }
        });
    producer.start();
    // It tells a broker of itself only once it knows one, which it learns from the route of what it sends.
    producer.send(new Message(command.text("first"), "first".getBytes(StandardCharsets.UTF_8)));
    producers.put(command.id, producer);
    return producer::shutdown;
  }

  static void transact(Command command) throws Exception {
    String key = command.text("key");
    byte[] body = ("body of " + key).getBytes(StandardCharsets.UTF_8);
    Message message = new Message(command.text("topic"), "TagA", key, body);
    if (command.has("immunity")) {
      String name = MessageConst.PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS;
      MessageAccessor.putProperty(message, name, command.text("immunity"));
    }
    TransactionMQProducer producer = producers.get(command.text("producer"));
    try {
      TransactionSendResult result = producer.sendMessageInTransaction(message, command);
      command.line(
          "ENDED",
          key,
          result.getSendStatus(),
          result.getMsgId(),
          result.getTransactionId(),
          result.getLocalTransactionState());
    } catch (Exception failure) {
      Refusal.line(command, key, failure);
    }
  }

  static void decide(Command command) {
    decision(command.text("key")).complete(LocalTransactionState.valueOf(command.text("state")));
  }

  static void answer(Command command) {
    answers.put(command.text("key"), LocalTransactionState.valueOf(command.text("state")));
  }

  private static CompletableFuture<LocalTransactionState> decision(String key) {
    return decisions.computeIfAbsent(key, (ignored) -> new CompletableFuture<>());
  }
}
