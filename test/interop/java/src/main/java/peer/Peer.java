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
 * ID produce namesrv= topic= [count=1] [mode=sync|async|oneway|batch|split: into batches of limit= bytes] [size=32] [prefix=k]
 *            [tags=A,B: in turn] [level=DELAY_LEVEL] [timer=PROPERTY:VALUE] [shards=N: key hashed to a queue]
 *            [queue=brokerName:queueId: exactly this one] [property=NAME:VALUE]
 *            [properties=name 0x01 value 0x02 name 0x01 value ...]
 *   (oneway: all but the last)
 *   SENT     key status msgId offsetMsgId brokerName:queueId queueOffset startedAtMs recallHandle
 *   REFUSED  key code sentence
 * ID recall namesrv= topic= handle=
 *   RECALLED msgId
 *   REFUSED  handle code sentence
 * ID consume namesrv= topic= group= [tags=*] [sql=instead] [orderly=true] [fail-times=N: the first N times a message comes]
 *            [from=first|last: where a new group begins]
 *            [max=MAX_RECONSUME_TIMES] [level=DELAY_LEVEL of a retry] [work-ms=N: a message takes that long]
            [throws=true: it fails by throwing] [hang-times=N: the first N times it never returns]
 *   READY
 *   GOT      key msgId offsetMsgId topic queueId queueOffset reconsumeTimes tags bodySize bodyCrc32 atMs transactionId
 *            origin
 * ID push namesrv= topic= group= instance=NAME: with 127.0.0.1 the clientId  [broadcasting=true] [offsets=DIR of their files]
 *            [strategy=AVG] [batch=1] [ack=N: of the first batch, up to that index]
 *   READY
 *   BATCH    size                   the messages of one call of the listener follow
 *   GOT      as above
 * ID poll namesrv= topic= group= [tags=*] [auto=true: commits automatically, else after each poll]
 *            [assign=true: all queues by hand, instead of subscribing] [seek=begin|end|OFFSET: in each of them, at first]
 *   READY
 *   GOT      as above
 * ID pull namesrv= topic= group= queue=brokerName:queueId offset= [count=32] [tags=*] [block=true: while there is nothing]
 *   PULLED   status nextBeginOffset minOffset maxOffset
 *   GOT      as above
 *   REFUSED  topic code sentence
 * ID reset namesrv= topic= group= timestamp=MS, or -1 for the end   (Java and Millrace)
 *   RESET    queueId offset         one a queue that the tool tells of
 *   REFUSED  reset code sentence
 * ID administer namesrv= do=put topic= broker=ADDRESS read= write= perm= | do=delete topic= broker=ADDRESS
 *            | do=wipe|open name=BROKER: its write permission   (Java and Millrace)
 *   TOPICS   count                  of a broker whose permission changed
 * ID select namesrv= topic= group= sql=     pulls queue 0 of broker-a from its beginning to its end
 *   SELECTED key ...
 * ID check namesrv= topic= group= sql=      starts a push consumer and shuts it down
 *   TAKEN
 *   REFUSED  sql code sentence
 * ID request namesrv= topic= key= [timeout=MS]   the body is the key
 *   REPLIED  key topic body
 *   REFUSED  key code sentence
 * ID reply namesrv= topic= group=   a consumer that replies "reply to BODY" to everything
 *   READY
 *   SENT     key status
 *   REFUSED  key code sentence
 * ID find namesrv= topic= [key= [begin=MS] [end=MS] [max=32]] [id=msgId or offsetMsgId]   (Java and Millrace)
 *   GOT      as above
 *   REFUSED  find code sentence
 * ID search namesrv= topic= queue=brokerName:queueId timestamp=MS   (Java and Millrace)
 *   OFFSET   offset storeTimeOfTheFirstMessage
 * ID inspect namesrv= topic= group= msgId=OFFSET_MSG_ID to be consumed directly      (Java)
 *   STATS      queueId minOffset maxOffset
 *   PROGRESS   topic queueId brokerOffset consumerOffset
 *   GROUPS     the groups that consume the topic, separated by commas
 *   SPAN       queueId delayMs
 *   CONNECTION clientId language, and of each of them
 *   RUNNING    topic queueId commitOffset
 *   REFUSED    info code sentence
 *   STATUS     queueId offset
 *   DIRECTLY   result
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
        case "push":
          running.put(command.id, Pushing.push(command));
          command.line("READY");
          return;
        case "poll":
          running.put(command.id, Pulling.poll(command));
          command.line("READY");
          return;
        case "pull":
          Pulling.pull(command);
          break;
        case "inspect":
          Inspection.inspect(command);
          break;
        case "reset":
          OffsetReset.reset(command);
          break;
        case "administer":
          Topics.administer(command);
          break;
        case "select":
          Filters.select(command);
          break;
        case "check":
          Filters.check(command);
          break;
        case "request":
          Requesting.request(command);
          break;
        case "reply":
          running.put(command.id, Requesting.reply(command));
          command.line("READY");
          return;
        case "find":
          Finding.find(command);
          break;
        case "search":
          Finding.search(command);
          break;
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
