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
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.client.consumer.store.OffsetSerializeWrapper;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageQueueForC;
import org.apache.rocketmq.common.producer.RecallMessageHandle; // 5.x
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.compression.CompressorFactory;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.protocol.admin.ConsumeStats;
import org.apache.rocketmq.remoting.protocol.admin.OffsetWrapper;
import org.apache.rocketmq.remoting.protocol.admin.TopicOffset;
import org.apache.rocketmq.remoting.protocol.admin.TopicStatsTable;
import org.apache.rocketmq.remoting.protocol.body.ClusterInfo;
import org.apache.rocketmq.remoting.protocol.body.CMResult;
import org.apache.rocketmq.remoting.protocol.body.Connection;
import org.apache.rocketmq.remoting.protocol.body.ConsumeMessageDirectlyResult;
import org.apache.rocketmq.remoting.protocol.body.ConsumerConnection;
import org.apache.rocketmq.remoting.protocol.body.ConsumerRunningInfo;
import org.apache.rocketmq.remoting.protocol.body.ConsumeStatus;
import org.apache.rocketmq.remoting.protocol.body.GetConsumerStatusBody;
import org.apache.rocketmq.remoting.protocol.body.ProcessQueueInfo;
import org.apache.rocketmq.remoting.protocol.body.ProducerConnection;
import org.apache.rocketmq.remoting.protocol.body.QueryConsumeTimeSpanBody;
import org.apache.rocketmq.remoting.protocol.body.QueueTimeSpan;
import org.apache.rocketmq.remoting.protocol.body.RegisterBrokerBody;
import org.apache.rocketmq.remoting.protocol.body.ResetOffsetBody;
import org.apache.rocketmq.remoting.protocol.body.ResetOffsetBodyForC;
import org.apache.rocketmq.remoting.protocol.body.SubscriptionGroupWrapper;
import org.apache.rocketmq.remoting.protocol.body.TopicConfigAndMappingSerializeWrapper;
import org.apache.rocketmq.remoting.protocol.DataVersion;
import org.apache.rocketmq.remoting.protocol.filter.FilterAPI;
import org.apache.rocketmq.remoting.protocol.heartbeat.ConsumeType;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.heartbeat.SubscriptionData;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
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

  /** Text that repeats itself at growing distances, and bytes that do not. */
  private static byte[] body(int size) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i++) {
      bytes[i] = (byte) (i % 1_000 < 100 ? (i * i * 31 + i) >> 3 : 'a' + i % (3 + i / 500));
    }
    return bytes;
  }

  private static PrintStream output;

  public static void main(String[] arguments) throws Exception {
    output = new PrintStream(arguments[0], StandardCharsets.UTF_8);
    print("body of 5000 bytes packed with LZ4", CompressorFactory.getCompressor(CompressionType.LZ4).compress(body(5_000), 5));
    print("body of 5000 bytes packed with ZSTD", CompressorFactory.getCompressor(CompressionType.ZSTD).compress(body(5_000), 5));
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
    allocations();
    printText("local offsets", localOffsets().toJson(true));
    print("consumer status", consumerStatus(0, 5000000000L).encode());
    print("consumer status of no queue", consumerStatus().encode());
    print("reset offsets", resetOffsets().encode());
    print("reset offsets for C++", resetOffsetsForC().encode());
    print("topic stats", topicStats().encode());
    print("consume stats", consumeStats().encode());
    print("consumer connections", consumerConnections().encode());
    print("producer connections", producerConnections().encode());
    print("status of consumers", statusOfConsumers().encode());
    print("consume time span", consumeTimeSpan().encode());
    print("running info", runningInfo().encode());
    print("result of consuming directly", consumedDirectly().encode());
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
    {"SEND_REPLY_MESSAGE", "324", "SendMessageRequestHeader"},
    {"SEND_REPLY_MESSAGE_V2", "325", "SendMessageRequestHeaderV2"},
    {"PUSH_REPLY_MESSAGE_TO_CLIENT", "326", "ReplyMessageRequestHeader"},
    {"PULL_MESSAGE", "11", "PullMessageRequestHeader"},
    {"LITE_PULL_MESSAGE", "361", "PullMessageRequestHeader"},
    {"reply to PULL_MESSAGE", "0", "PullMessageResponseHeader"},
    {"QUERY_MESSAGE", "12", "QueryMessageRequestHeader"},
    {"reply to QUERY_MESSAGE", "0", "QueryMessageResponseHeader"},
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
    {"WIPE_WRITE_PERM_OF_BROKER", "205", "namesrv.WipeWritePermOfBrokerRequestHeader"},
    {"reply to WIPE_WRITE_PERM_OF_BROKER", "0", "namesrv.WipeWritePermOfBrokerResponseHeader"},
    {"GET_TOPIC_STATS_INFO", "202", "GetTopicStatsInfoRequestHeader"},
    {"GET_CONSUMER_CONNECTION_LIST", "203", "GetConsumerConnectionListRequestHeader"},
    {"GET_PRODUCER_CONNECTION_LIST", "204", "GetProducerConnectionListRequestHeader"},
    {"DELETE_SUBSCRIPTIONGROUP", "207", "DeleteSubscriptionGroupRequestHeader"},
    {"GET_CONSUME_STATS", "208", "GetConsumeStatsRequestHeader"},
    {"DELETE_TOPIC_IN_BROKER", "215", "DeleteTopicRequestHeader"},
    {"DELETE_TOPIC_IN_NAMESRV", "216", "namesrv.DeleteTopicFromNamesrvRequestHeader"},
    {"GET_KVLIST_BY_NAMESPACE", "219", "namesrv.GetKVListByNamespaceRequestHeader"},
    {"RESET_CONSUMER_CLIENT_OFFSET", "220", "ResetOffsetRequestHeader"},
    {"GET_CONSUMER_STATUS_FROM_CLIENT", "221", "GetConsumerStatusRequestHeader"},
    {"INVOKE_BROKER_TO_RESET_OFFSET", "222", "ResetOffsetRequestHeader"},
    {"INVOKE_BROKER_TO_GET_CONSUMER_STATUS", "223", "GetConsumerStatusRequestHeader"},
    {"GET_TOPICS_BY_CLUSTER", "224", "GetTopicsByClusterRequestHeader"},
    {"QUERY_TOPIC_CONSUME_BY_WHO", "300", "QueryTopicConsumeByWhoRequestHeader"},
    {"QUERY_CONSUME_TIME_SPAN", "303", "QueryConsumeTimeSpanRequestHeader"},
    {"GET_CONSUMER_RUNNING_INFO", "307", "GetConsumerRunningInfoRequestHeader"},
    {"CONSUME_MESSAGE_DIRECTLY", "309", "ConsumeMessageDirectlyResultRequestHeader"},
    {"CLONE_GROUP_OFFSET", "314", "CloneGroupOffsetRequestHeader"},
    {"QUERY_DATA_VERSION", "322", "namesrv.QueryDataVersionRequestHeader"},
    {"reply to QUERY_DATA_VERSION", "0", "namesrv.QueryDataVersionResponseHeader"},
    {"RESUME_CHECK_HALF_MESSAGE", "323", "ResumeCheckHalfMessageRequestHeader"},
    {"ADD_WRITE_PERM_OF_BROKER", "327", "namesrv.AddWritePermOfBrokerRequestHeader"},
    {"reply to ADD_WRITE_PERM_OF_BROKER", "0", "namesrv.AddWritePermOfBrokerResponseHeader"},
    {"GET_TOPIC_CONFIG", "351", "GetTopicConfigRequestHeader"}, // 5.x
    {"GET_SUBSCRIPTIONGROUP_CONFIG", "352", "GetSubscriptionGroupConfigRequestHeader"}, // 5.x
    {"RECALL_MESSAGE", "370", "RecallMessageRequestHeader"}, // 5.x
    {"reply to RECALL_MESSAGE", "0", "RecallMessageResponseHeader"}, // 5.x
    {"POP_MESSAGE", "200050", "PopMessageRequestHeader"}, // 5.x
    {"reply to POP_MESSAGE", "0", "PopMessageResponseHeader"}, // 5.x
    {"ACK_MESSAGE", "200051", "AckMessageRequestHeader"}, // 5.x
    {"PEEK_MESSAGE", "200052", "PeekMessageRequestHeader"}, // 5.x
    {"reply to PEEK_MESSAGE", "0", "PopMessageResponseHeader"}, // 5.x
    {"CHANGE_MESSAGE_INVISIBLETIME", "200053", "ChangeInvisibleTimeRequestHeader"}, // 5.x
    {"reply to CHANGE_MESSAGE_INVISIBLETIME", "0", "ChangeInvisibleTimeResponseHeader"}, // 5.x
    {"NOTIFICATION", "200054", "NotificationRequestHeader"}, // 5.x
    {"reply to NOTIFICATION", "0", "NotificationResponseHeader"}, // 5.x
    {"POLLING_INFO", "200055", "PollingInfoRequestHeader"}, // 5.x
    {"reply to POLLING_INFO", "0", "PollingInfoResponseHeader"}, // 5.x
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

  private static ResetOffsetBody resetOffsets() {
    ResetOffsetBody body = new ResetOffsetBody();
    Map<MessageQueue, Long> table = new LinkedHashMap<>();
    table.put(new MessageQueue("TopicA", "broker-a", 0), 0L);
    table.put(new MessageQueue("TopicA", "broker-a", 1), 5000000000L);
    body.setOffsetTable(table);
    return body;
  }

  private static ResetOffsetBodyForC resetOffsetsForC() {
    ResetOffsetBodyForC body = new ResetOffsetBodyForC();
    body.setOffsetTable(
        List.of(
            new MessageQueueForC("TopicA", "broker-a", 0, 0L),
            new MessageQueueForC("TopicA", "broker-a", 1, 5000000000L)));
    return body;
  }

  private static TopicStatsTable topicStats() {
    TopicStatsTable table = new TopicStatsTable();
    TopicOffset offset = new TopicOffset();
    offset.setMinOffset(3);
    offset.setMaxOffset(5000000000L);
    offset.setLastUpdateTimestamp(1795171321182L);
    table.getOffsetTable().put(new MessageQueue("TopicA", "broker-a", 1), offset);
    table.setTopicPutTps(1.5); // 5.x
    return table;
  }

  private static ConsumeStats consumeStats() {
    ConsumeStats stats = new ConsumeStats();
    OffsetWrapper offset = new OffsetWrapper();
    offset.setBrokerOffset(5000000000L);
    offset.setConsumerOffset(7);
    offset.setLastTimestamp(1795171321182L);
    offset.setPullOffset(9); // 5.x
    stats.getOffsetTable().put(new MessageQueue("TopicA", "broker-a", 1), offset);
    stats.setConsumeTps(0.25);
    return stats;
  }

  private static Connection connection() {
    Connection connection = new Connection();
    connection.setClientId("192.0.2.7@4711");
    connection.setClientAddr("192.0.2.7:50123");
    connection.setLanguage(LanguageCode.GO);
    connection.setVersion(317);
    return connection;
  }

  private static ConsumerConnection consumerConnections() throws Exception {
    ConsumerConnection body = new ConsumerConnection();
    body.setConsumeType(ConsumeType.CONSUME_PASSIVELY);
    body.setMessageModel(MessageModel.CLUSTERING);
    body.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
    SubscriptionData subscription = FilterAPI.buildSubscriptionData("TopicA", "TagA");
    subscription.setSubVersion(1795171321308L);
    body.getSubscriptionTable().put("TopicA", subscription);
    body.getConnectionSet().add(connection());
    return body;
  }

  private static ProducerConnection producerConnections() {
    ProducerConnection body = new ProducerConnection();
    body.getConnectionSet().add(connection());
    return body;
  }

  private static GetConsumerStatusBody statusOfConsumers() {
    GetConsumerStatusBody body = new GetConsumerStatusBody();
    body.setConsumerTable(new LinkedHashMap<>(Map.of("192.0.2.7@4711", resetOffsets().getOffsetTable())));
    return body;
  }

  private static QueryConsumeTimeSpanBody consumeTimeSpan() {
    QueueTimeSpan span = new QueueTimeSpan();
    span.setMessageQueue(new MessageQueue("TopicA", "broker-a", 1));
    span.setMinTimeStamp(1795171321182L);
    span.setMaxTimeStamp(1795171321308L);
    span.setConsumeTimeStamp(1795171321200L);
    span.setDelayTime(77);
    QueryConsumeTimeSpanBody body = new QueryConsumeTimeSpanBody();
    body.setConsumeTimeSpanSet(new ArrayList<>(List.of(span)));
    return body;
  }

  private static ConsumerRunningInfo runningInfo() throws Exception {
    ConsumerRunningInfo info = new ConsumerRunningInfo();
    info.getProperties().put(ConsumerRunningInfo.PROP_CONSUME_TYPE, "CONSUME_PASSIVELY");
    SubscriptionData subscription = FilterAPI.buildSubscriptionData("TopicA", "*");
    subscription.setSubVersion(1795171321308L);
    info.getSubscriptionSet().add(subscription);
    ProcessQueueInfo queue = new ProcessQueueInfo();
    queue.setCommitOffset(7);
    queue.setCachedMsgMinOffset(7);
    queue.setCachedMsgMaxOffset(9);
    queue.setCachedMsgCount(3);
    queue.setCachedMsgSizeInMiB(1);
    queue.setLocked(true);
    queue.setLastLockTimestamp(1795171321182L);
    queue.setDroped(false);
    queue.setLastPullTimestamp(1795171321200L);
    queue.setLastConsumeTimestamp(1795171321201L);
    info.getMqTable().put(new MessageQueue("TopicA", "broker-a", 1), queue);
    ConsumeStatus status = new ConsumeStatus();
    status.setPullRT(1.5);
    status.setPullTPS(2.5);
    status.setConsumeRT(3.5);
    status.setConsumeOKTPS(4.5);
    status.setConsumeFailedTPS(5.5);
    status.setConsumeFailedMsgs(6);
    info.getStatusTable().put("TopicA", status);
    return info;
  }

  private static ConsumeMessageDirectlyResult consumedDirectly() {
    ConsumeMessageDirectlyResult result = new ConsumeMessageDirectlyResult();
    result.setOrder(true);
    result.setAutoCommit(true);
    result.setConsumeResult(CMResult.CR_THROW_EXCEPTION);
    result.setRemark("no stock");
    result.setSpentTimeMills(12);
    return result;
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

  private static List<MessageQueue> queues(String brokerName, int count) {
    List<MessageQueue> queues = new ArrayList<>();
    for (int id = 0; id < count; id++) queues.add(new MessageQueue("TopicA", brokerName, id));
    return queues;
  }

  private static void allocations() {
    List<MessageQueue> two = queues("broker-b", 5);
    two.addAll(queues("broker-a", 12));
    List<MessageQueue> rooms = queues("hz1@broker-a", 5);
    rooms.addAll(queues("hz2@broker-b", 4));
    rooms.addAll(queues("broker-c", 2));
    AllocateMessageQueueByMachineRoom byRoom = new AllocateMessageQueueByMachineRoom();
    byRoom.setConsumeridcs(new java.util.HashSet<>(Arrays.asList("hz1", "hz2")));
    allocation(new AllocateMessageQueueAveragely(), two);
    allocation(new AllocateMessageQueueAveragelyByCircle(), two);
    allocation(new AllocateMessageQueueConsistentHash(), two);
    allocation(byRoom, rooms);
  }

  /** Who owns what; both lists sorted, as RebalanceImpl does before it asks. */
  private static void allocation(AllocateMessageQueueStrategy strategy, List<MessageQueue> queues) {
    List<String> members = Arrays.asList("10.0.0.2@7#größe", "10.0.0.1@4711#99", "10.0.0.1@4711#100", "::1@DEFAULT");
    List<String> sorted = new ArrayList<>(members);
    java.util.Collections.sort(sorted);
    java.util.Collections.sort(queues);
    List<String> lines = new ArrayList<>();
    for (String member : members) {
      List<String> owned = new ArrayList<>();
      for (MessageQueue queue : strategy.allocate("GroupA", member, queues, sorted)) {
        owned.add(queue.getBrokerName() + "/" + queue.getQueueId());
      }
      lines.add(member + ": " + String.join(" ", owned));
    }
    printText("allocation " + strategy.getName(), String.join("\n", lines));
  }

  private static OffsetSerializeWrapper localOffsets() {
    ConcurrentMap<MessageQueue, AtomicLong> table = new ConcurrentHashMap<>();
    table.put(new MessageQueue("TopicA", "broker-a", 0), new AtomicLong(7));
    table.put(new MessageQueue("TopicA", "broker-b", 3), new AtomicLong(5_000_000_000L));
    OffsetSerializeWrapper wrapper = new OffsetSerializeWrapper();
    wrapper.setOffsetTable(table);
    return wrapper;
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
