import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.producer.RecallMessageHandle; // 5.x
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.protocol.DataVersion;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.body.ClusterInfo;
import org.apache.rocketmq.remoting.protocol.body.GetConsumerStatusBody;
import org.apache.rocketmq.remoting.protocol.body.RegisterBrokerBody;
import org.apache.rocketmq.remoting.protocol.body.SubscriptionGroupWrapper;
import org.apache.rocketmq.remoting.protocol.body.TopicConfigAndMappingSerializeWrapper;
import org.apache.rocketmq.remoting.protocol.filter.FilterAPI;
import org.apache.rocketmq.remoting.protocol.heartbeat.SubscriptionData;
import org.apache.rocketmq.remoting.protocol.route.BrokerData;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicConfigAndQueueMapping; // 5.x
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;

/**
 * Prints what the official encoders make of fixed input, for kinds of bytes that no capture shows: IPv6 hosts, the
 * compressed registration body, every field of every request header, every setting of a consumer group. See the head of the .hex files for use.
 */
public final class Goldens {
  private static final InetSocketAddress V4_BORN = address("192.0.2.7", 50123);
  private static final InetSocketAddress V4_STORE = address("192.0.2.9", 10911);
  private static final InetSocketAddress V6_BORN = address("2001:db8::7", 50123);
  private static final InetSocketAddress V6_STORE = address("2001:db8:0:1::9", 10911);

  private static PrintStream output;

  public static void main(String[] arguments) throws Exception {
    output = new PrintStream(arguments[0], StandardCharsets.UTF_8);
    print("record born IPv4 stored IPv4", MessageDecoder.encode(message(V4_BORN, V4_STORE, "TopicA"), false));
    print("record born IPv6 stored IPv4", MessageDecoder.encode(message(V6_BORN, V4_STORE, "TopicA"), false));
    print("record born IPv4 stored IPv6", MessageDecoder.encode(message(V4_BORN, V6_STORE, "TopicA"), false));
    print("record born IPv6 stored IPv6", MessageDecoder.encode(message(V6_BORN, V6_STORE, "TopicA"), false));
    printText("offsetMsgId IPv4", MessageDecoder.createMessageId(V4_STORE, 4096));
    printText("offsetMsgId IPv6", MessageDecoder.createMessageId(V6_STORE, 3402846035L));

    Message first = new Message("TopicA", "TagA", "k1 k2", "first".getBytes(StandardCharsets.UTF_8));
    first.setFlag(-5);
    Message second = new Message("TopicA", "größe".getBytes(StandardCharsets.UTF_8));
    second.putUserProperty("ключ", "значение");
    print("batch body", MessageDecoder.encodeMessages(Arrays.asList(first, second)));

    printText("tag hash of TagA", String.valueOf("TagA".hashCode()));
    printText("tag hash of größe-\uD83D\uDE80", String.valueOf("größe-\uD83D\uDE80".hashCode()));
    printText("tag hash of polygenelubricants", String.valueOf("polygenelubricants".hashCode()));

    SubscriptionData subscription = FilterAPI.buildSubscriptionData("TopicA", "TagA || TagB||TagC");
    subscription.setSubVersion(1795171321308L);
    print("subscription", RemotingSerializable.encode(subscription));

    print("registration body", registerBody().encode(false));
    print("registration body compressed", registerBody().encode(true));
    print("cluster info", clusterInfo().encode());
    print("topic settings", RemotingSerializable.encode(topicSettings()));
    print("group settings", RemotingSerializable.encode(groupSettings()));
    print("group settings by default", RemotingSerializable.encode(defaultGroupSettings()));
    print("group table", groupTable().encode());
    print("consumer status", consumerStatus(0, 5000000000L).encode());
    print("consumer status of no queue", consumerStatus().encode());
    printText("recall handle", RecallMessageHandle.HandleV1.buildHandle("TopicA", "broker-a", "1795171927201", "AC11")); // 5.x

    for (String[] row : HEADERS) {
      CommandCustomHeader header = fill(row[2]);
      for (SerializeType type : SerializeType.values()) {
        RemotingCommand command = RemotingCommand.createRequestCommand(Integer.parseInt(row[1]), header);
        if (row[0].startsWith("reply")) command.markResponseType();
        command.setOpaque(4711);
        command.setSerializeTypeCurrentRPC(type);
        command.setRemark(type == SerializeType.JSON ? null : "größe");
        command.setBody("body".getBytes(StandardCharsets.UTF_8));
        print(type + " " + row[0], command.encode().array());
      }
    }
  }

  private static final String PREFIX = "org.apache.rocketmq.remoting.protocol.header.";

  private static final String[][] HEADERS = {
    {"SEND_MESSAGE", "10", "SendMessageRequestHeader"},
    {"SEND_MESSAGE_V2", "310", "SendMessageRequestHeaderV2"},
    {"SEND_BATCH_MESSAGE", "320", "SendMessageRequestHeaderV2"},
    {"reply to SEND_MESSAGE", "0", "SendMessageResponseHeader"},
    {"PULL_MESSAGE", "11", "PullMessageRequestHeader"},
    {"LITE_PULL_MESSAGE", "361", "PullMessageRequestHeader"},
    {"reply to PULL_MESSAGE", "0", "PullMessageResponseHeader"},
    {"QUERY_CONSUMER_OFFSET", "14", "QueryConsumerOffsetRequestHeader"},
    {"reply to QUERY_CONSUMER_OFFSET", "0", "QueryConsumerOffsetResponseHeader"},
    {"UPDATE_CONSUMER_OFFSET", "15", "UpdateConsumerOffsetRequestHeader"},
    {"UPDATE_AND_CREATE_TOPIC", "17", "CreateTopicRequestHeader"},
    {"GET_ALL_TOPIC_CONFIG", "21", "GetAllTopicConfigRequestHeader"}, // 5.x
    {"reply to GET_ALL_TOPIC_CONFIG", "0", "GetAllTopicConfigResponseHeader"},
    {"SEARCH_OFFSET_BY_TIMESTAMP", "29", "SearchOffsetRequestHeader"},
    {"reply to SEARCH_OFFSET_BY_TIMESTAMP", "0", "SearchOffsetResponseHeader"},
    {"GET_MAX_OFFSET", "30", "GetMaxOffsetRequestHeader"},
    {"reply to GET_MAX_OFFSET", "0", "GetMaxOffsetResponseHeader"},
    {"GET_MIN_OFFSET", "31", "GetMinOffsetRequestHeader"},
    {"reply to GET_MIN_OFFSET", "0", "GetMinOffsetResponseHeader"},
    {"GET_EARLIEST_MSG_STORETIME", "32", "GetEarliestMsgStoretimeRequestHeader"},
    {"reply to GET_EARLIEST_MSG_STORETIME", "0", "GetEarliestMsgStoretimeResponseHeader"},
    {"VIEW_MESSAGE_BY_ID", "33", "ViewMessageRequestHeader"},
    {"UNREGISTER_CLIENT", "35", "UnregisterClientRequestHeader"},
    {"CONSUMER_SEND_MSG_BACK", "36", "ConsumerSendMsgBackRequestHeader"},
    {"END_TRANSACTION", "37", "EndTransactionRequestHeader"},
    {"GET_CONSUMER_LIST_BY_GROUP", "38", "GetConsumerListByGroupRequestHeader"},
    {"CHECK_TRANSACTION_STATE", "39", "CheckTransactionStateRequestHeader"},
    {"NOTIFY_CONSUMER_IDS_CHANGED", "40", "NotifyConsumerIdsChangedRequestHeader"},
    {"PUT_KV_CONFIG", "100", "namesrv.PutKVConfigRequestHeader"},
    {"GET_KV_CONFIG", "101", "namesrv.GetKVConfigRequestHeader"},
    {"reply to GET_KV_CONFIG", "0", "namesrv.GetKVConfigResponseHeader"},
    {"DELETE_KV_CONFIG", "102", "namesrv.DeleteKVConfigRequestHeader"},
    {"REGISTER_BROKER", "103", "namesrv.RegisterBrokerRequestHeader"},
    {"reply to REGISTER_BROKER", "0", "namesrv.RegisterBrokerResponseHeader"},
    {"UNREGISTER_BROKER", "104", "namesrv.UnRegisterBrokerRequestHeader"},
    {"GET_ROUTEINFO_BY_TOPIC", "105", "namesrv.GetRouteInfoRequestHeader"},
    {"GET_ALL_SUBSCRIPTIONGROUP_CONFIG", "201", "GetAllSubscriptionGroupRequestHeader"}, // 5.x
    {"reply to GET_ALL_SUBSCRIPTIONGROUP_CONFIG", "0", "GetAllSubscriptionGroupResponseHeader"}, // 5.x
    {"DELETE_SUBSCRIPTIONGROUP", "207", "DeleteSubscriptionGroupRequestHeader"},
    {"DELETE_TOPIC_IN_BROKER", "215", "DeleteTopicRequestHeader"},
    {"DELETE_TOPIC_IN_NAMESRV", "216", "namesrv.DeleteTopicFromNamesrvRequestHeader"},
    {"GET_KVLIST_BY_NAMESPACE", "219", "namesrv.GetKVListByNamespaceRequestHeader"},
    {"GET_CONSUMER_STATUS_FROM_CLIENT", "221", "GetConsumerStatusRequestHeader"},
    {"GET_TOPICS_BY_CLUSTER", "224", "GetTopicsByClusterRequestHeader"},
    {"QUERY_DATA_VERSION", "322", "namesrv.QueryDataVersionRequestHeader"},
    {"reply to QUERY_DATA_VERSION", "0", "namesrv.QueryDataVersionResponseHeader"},
    {"RESUME_CHECK_HALF_MESSAGE", "323", "ResumeCheckHalfMessageRequestHeader"},
    {"GET_TOPIC_CONFIG", "351", "GetTopicConfigRequestHeader"}, // 5.x
    {"GET_SUBSCRIPTIONGROUP_CONFIG", "352", "GetSubscriptionGroupConfigRequestHeader"}, // 5.x
    {"RECALL_MESSAGE", "370", "RecallMessageRequestHeader"}, // 5.x
    {"reply to RECALL_MESSAGE", "0", "RecallMessageResponseHeader"}, // 5.x
  };

  /** Every field gets a value that tells its type: its own name, 11, 5000000000 or true. */
  private static CommandCustomHeader fill(String name) throws Exception {
    Class<?> type = Class.forName(PREFIX + name);
    Object header = type.getDeclaredConstructor().newInstance();
    for (Class<?> level = type; level != Object.class; level = level.getSuperclass()) {
      for (Field field : level.getDeclaredFields()) {
        if (Modifier.isStatic(field.getModifiers())) continue;
        field.setAccessible(true);
        Class<?> kind = field.getType();
        if (kind == String.class) field.set(header, field.getName());
        else if (kind == int.class || kind == Integer.class) field.set(header, 11);
        else if (kind == long.class || kind == Long.class) field.set(header, 5000000000L);
        else if (kind == boolean.class || kind == Boolean.class) field.set(header, true);
      }
    }
    return (CommandCustomHeader) header;
  }

  private static MessageExt message(InetSocketAddress born, InetSocketAddress store, String topic) {
    MessageExt message = new MessageExt();
    message.setTopic(topic);
    message.setQueueId(3);
    message.setFlag(-2);
    message.setQueueOffset(5000000000L);
    message.setCommitLogOffset(3402846035L);
    message.setSysFlag(0);
    message.setBornTimestamp(1795171927200L);
    message.setBornHost(born);
    message.setStoreTimestamp(1795171927214L);
    message.setStoreHost(store);
    if (born.getAddress().getAddress().length == 16) message.setBornHostV6Flag();
    if (store.getAddress().getAddress().length == 16) message.setStoreHostAddressV6Flag();
    message.setReconsumeTimes(2);
    message.setPreparedTransactionOffset(77);
    byte[] body = "größe".getBytes(StandardCharsets.UTF_8);
    message.setBody(body);
    message.setBodyCRC(UtilAll.crc32(body));
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("KEYS", "k1");
    properties.put("TAGS", "TagA");
    properties.put("имя", "значение");
    for (Map.Entry<String, String> entry : properties.entrySet()) {
      MessageAccessor.putProperty(message, entry.getKey(), entry.getValue());
    }
    return message;
  }

  private static RegisterBrokerBody registerBody() {
    TopicConfigAndMappingSerializeWrapper wrapper = new TopicConfigAndMappingSerializeWrapper();
    ConcurrentMap<String, TopicConfig> table = new ConcurrentHashMap<>();
    table.put("TopicA", new TopicConfig("TopicA", 4, 8, 6));
    table.put("%RETRY%cg", new TopicConfig("%RETRY%cg", 1, 1, 6));
    table.get("TopicA").getAttributes().put("cleanup.policy", "DELETE"); // 5.x
    wrapper.setTopicConfigTable(table);
    wrapper.setDataVersion(version());
    wrapper.setMappingDataVersion(version()); // 5.x
    RegisterBrokerBody body = new RegisterBrokerBody();
    body.setTopicConfigSerializeWrapper(wrapper);
    body.setFilterServerList(new ArrayList<>(List.of("192.0.2.9:30000")));
    return body;
  }

  private static DataVersion version() {
    DataVersion version = new DataVersion();
    version.setTimestamp(1795171199192L);
    version.getCounter().set(9);
    return version;
  }

  private static TopicConfig topicSettings() {
    TopicConfig config = new TopicConfig("TopicA", 4, 8, 6);
    config.setTopicSysFlag(1);
    config.setOrder(true);
    config = new TopicConfigAndQueueMapping(config, null); // 5.x
    config.getAttributes().put("cleanup.policy", "DELETE"); // 5.x
    return config;
  }

  /** Every setting differs from its default. */
  private static SubscriptionGroupConfig groupSettings() {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName("cg");
    config.setConsumeEnable(false);
    config.setConsumeFromMinEnable(false);
    config.setConsumeBroadcastEnable(false);
    config.setConsumeMessageOrderly(true); // 5.x
    config.setRetryQueueNums(3);
    config.setRetryMaxTimes(5);
    config.setBrokerId(2);
    config.setWhichBrokerWhenConsumeSlowly(4);
    config.setNotifyConsumerIdsChangedEnable(false);
    config.setGroupSysFlag(6); // 5.x
    config.setConsumeTimeoutMinute(30); // 5.x
    config.getAttributes().put("lite.sub.model", "Shared"); // 5.x
    return config;
  }

  private static SubscriptionGroupConfig defaultGroupSettings() {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName("cg0");
    return config;
  }

  private static SubscriptionGroupWrapper groupTable() {
    SubscriptionGroupWrapper table = new SubscriptionGroupWrapper();
    table.getSubscriptionGroupTable().put("cg", groupSettings());
    table.getSubscriptionGroupTable().put("cg0", defaultGroupSettings());
    table.getForbiddenTable().put("cg", new ConcurrentHashMap<>(Map.of("TopicA", 1))); // 5.x
    table.setDataVersion(version());
    return table;
  }

  /** Queue 0, 1, … of TopicA at these queueOffsets. */
  private static GetConsumerStatusBody consumerStatus(long... offsets) {
    Map<MessageQueue, Long> table = new LinkedHashMap<>();
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      table.put(new MessageQueue("TopicA", "broker-a", queueId), offsets[queueId]);
    }
    GetConsumerStatusBody body = new GetConsumerStatusBody();
    body.setMessageQueueTable(table);
    return body;
  }

  private static ClusterInfo clusterInfo() {
    HashMap<Long, String> addresses = new HashMap<>();
    addresses.put(0L, "192.0.2.9:10911");
    addresses.put(1L, "192.0.2.10:10911");
    BrokerData broker = new BrokerData("c1", "broker-a", addresses);
    ClusterInfo info = new ClusterInfo();
    info.setBrokerAddrTable(new HashMap<>(Map.of("broker-a", broker)));
    info.setClusterAddrTable(new HashMap<>(Map.of("c1", new java.util.HashSet<>(List.of("broker-a")))));
    return info;
  }

  private static InetSocketAddress address(String text, int port) {
    try {
      return new InetSocketAddress(InetAddress.getByName(text), port);
    } catch (Exception impossible) {
      throw new IllegalArgumentException(text, impossible);
    }
  }

  private static void printText(String title, String value) {
    print(title, value.getBytes(StandardCharsets.UTF_8));
  }

  private static void print(String title, byte[] bytes) {
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
