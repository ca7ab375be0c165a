package peer;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The official Java client as a test peer: one process that does what the lines on its stdin say, many at a time, until
 * stdin ends. Both ways one line is one command or event, its fields separated by tabs, the command's id first:
 *
 * <pre>
 * ID ping
 * ID produce namesrv= topic= [count=1] [mode=sync|async|oneway|batch] [size=32] [prefix=k] [tags=A,B: in turn]
 *            [level=DELAY_LEVEL] [timer=PROPERTY:VALUE] [shards=N: key hashed to a queue] [property=NAME:VALUE]
 *   (oneway: all but the last)
 *   SENT     key status msgId offsetMsgId brokerName:queueId queueOffset startedAtMs recallHandle
 *   REFUSED  key code sentence
 * ID recall namesrv= topic= handle=
 *   RECALLED msgId
 *   REFUSED  handle code sentence
 * ID consume namesrv= topic= group= [tags=*] [orderly=true] [fail-times=N: the first N times a message comes]
 *            [max=MAX_RECONSUME_TIMES] [level=DELAY_LEVEL of a retry] [work-ms=N: a message takes that long]
            [throws=true: it fails by throwing] [hang-times=N: the first N times it never returns]
 *   READY
 *   GOT      key msgId offsetMsgId topic queueId queueOffset reconsumeTimes tags bodySize bodyCrc32 atMs transactionId
 *            origin
 * ID begin namesrv= group= first=   a transaction producer, and the topic of a message of no importance it sends first
 *   READY
 *   CHECKED  key transactionId state
 * ID transact producer=ID topic= key= [immunity=SECONDS without check-back]
 *   LOCAL    key transactionId      the local transaction has begun; it ends with decide
 *   ENDED    key status msgId transactionId state
 * ID decide key= state=             what the local transaction of that key says
 * ID answer key= state=             what check-backs for that key say from now on; UNKNOW before
 * ID stop target=ID                 shuts down a consumer or transaction producer
 * </pre>
 *
 * Every command ends with DONE, or FAILED and a sentence.
 */
public final class Peer {
  private static final Map<String, Runnable> running = new ConcurrentHashMap<>();

  private Peer() {}

  public static void main(String[] args) throws Exception {
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String text = commands.readLine(); text != null; text = commands.readLine()) {
      Command command = new Command(text);
      Thread thread = new Thread(() -> run(command), command.name + command.id);
      thread.setDaemon(true);
      thread.start();
    }
    // Whoever gave the commands is gone; a graceful shutdown would tell nobody anything.
    Runtime.getRuntime().halt(0);
  }

  /** Of one client among those of this process and of others: to a broker, two of one name are one. */
  static String instanceName(String name) {
    return ProcessHandle.current().pid() + "-" + name.replaceAll("[^0-9]", "-");
  }

  private static void run(Command command) {
    try {
      switch (command.name) {
        case "ping":
          break;
        case "produce":
          Sending.produce(command);
          break;
        case "recall":
          Sending.recall(command);
          break;
        case "consume":
          running.put(command.id, Consuming.start(command));
          command.line("READY");
          return;
        case "begin":
          running.put(command.id, Transactions.begin(command));
          command.line("READY");
          return;
        case "transact":
          Transactions.transact(command);
          break;
        case "decide":
          Transactions.decide(command);
          break;
        case "answer":
          Transactions.answer(command);
          break;
        case "stop":
          running.remove(command.text("target")).run();
          break;
        default:
          throw new IllegalArgumentException("unknown command " + command.name);
      }
      command.line("DONE");
    } catch (Throwable failure) {
      failure.printStackTrace();
      command.line("FAILED", failure);
    }
  }
}
