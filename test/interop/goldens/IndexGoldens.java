import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.DispatchRequest;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.index.IndexService;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/**
 * Prints fixed messages and the index files that the official store makes of them, with so few slots and entries that
 * keys share slots and files fill up. See the head of the .hex file for use.
 */
public final class IndexGoldens {
  /** Record without body, topic and properties. */
  private static final int FIXED_BYTES = 91;
  private static final long START = 1_800_000_000_000L;

  private static final Object[][] MESSAGES = {
    // ms after START, sysFlag, topic, body bytes, properties
    {0L, 0, "TopicA", 10, "UNIQ_KEY=0A000007000014A7A1B2,KEYS=order-1,TAGS=TagA"},
    {400L, 0, "TopicA", 0, ""},
    {1_999L, 0, "TopicA", 3, "KEYS=a  b a ,WAIT=true"},
    {2_000L, 4, "RMQ_SYS_TRANS_HALF_TOPIC", 7, "UNIQ_KEY=half,REAL_TOPIC=TopicA,KEYS=order-2"},
    {2_000L, 12, "RMQ_SYS_TRANS_HALF_TOPIC", 7, "UNIQ_KEY=rolled-back,KEYS=order-3"},
    {2_000L, 8, "TopicA", 7, "UNIQ_KEY=half,KEYS=order-2"},
    // The hash of this key is the lowest int, which has no absolute value.
    {61_000L, 0, "TopicA", 1, "KEYS=+00:?45"},
    // Two keys of one hash.
    {61_001L, 0, "TopicA", 1, "KEYS=Aa BB"},
    {3_661_001L, 0, "TopicB", 2, "KEYS=ключ 🔑 é,TAGS=тег"},
    // The clock was set back, behind the first message of the file and of the one before.
    {-5_000L, 0, "TopicB", 2, "UNIQ_KEY=early,TAGS=TagA"},
    {3_700_000L, 0, "TopicB", 2, "KEYS=one two three four five six seven eight nine ten,UNIQ_KEY=many"},
    {3_700_001L, 0, "%RETRY%group", 2, "KEYS=first,KEYS=second,TAGS="},
  };

  public static void main(String[] arguments) throws Exception {
    Path root = Files.createTempDirectory("index-goldens");
    MessageStoreConfig config = new MessageStoreConfig();
    config.setStorePathRootDir(root.toString());
    config.setMaxHashSlotNum(5);
    config.setMaxIndexNum(9);
    DefaultMessageStore store =
        new DefaultMessageStore(
            config,
            new BrokerStatsManager("cluster", false),
            null,
            new BrokerConfig(),
            new ConcurrentHashMap<>());
    IndexService index = new IndexService(store);
    try (PrintStream output = new PrintStream(arguments[0], StandardCharsets.UTF_8)) {
      long offset = 0;
      for (Object[] message : MESSAGES) {
        long storeTimestamp = START + (Long) message[0];
        int sysFlag = (Integer) message[1];
        String topic = (String) message[2];
        int bodyBytes = (Integer) message[3];
        String properties = ((String) message[4]).replace('=', (char) 1).replace(',', (char) 2);
        byte[] bytes = properties.getBytes(StandardCharsets.UTF_8);
        print(output, "message " + storeTimestamp + " " + sysFlag + " " + topic + " " + bodyBytes, bytes);
        int size = FIXED_BYTES + bodyBytes + topic.length() + bytes.length;
        Map<String, String> map = MessageDecoder.string2messageProperties(properties);
        index.buildIndex(
            new DispatchRequest(
                topic,
                0,
                offset,
                size,
                0,
                storeTimestamp,
                0,
                map.get(MessageConst.PROPERTY_KEYS),
                map.get(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX),
                sysFlag,
                0,
                map));
        offset += size;
        // Index files are named by the millisecond they are made in.
        Thread.sleep(5);
      }
      index.shutdown();
      File[] files = root.resolve("index").toFile().listFiles();
      Arrays.sort(files);
      for (int number = 0; number < files.length; number++) {
        print(output, "index file " + (number + 1), Files.readAllBytes(files[number].toPath()));
      }
    }
    System.exit(0);
  }

  private static void print(PrintStream output, String title, byte[] bytes) {
    StringBuilder text = new StringBuilder("@ " + title + "\n");
    for (int at = 0; at < bytes.length; at += 32) {
      StringBuilder line = new StringBuilder();
      StringBuilder gutter = new StringBuilder(" | ");
      for (int index = at; index < Math.min(at + 32, bytes.length); index++) {
        if (index > at && (index - at) % 4 == 0) line.append(' ');
        line.append(String.format("%02x", bytes[index]));
        gutter.append(bytes[index] >= 0x20 && bytes[index] < 0x7f ? (char) bytes[index] : '.');
      }
      text.append(String.format("%-71s", line)).append(gutter.toString().replaceAll(" +$", "")).append('\n');
    }
    output.println(text);
  }
}
