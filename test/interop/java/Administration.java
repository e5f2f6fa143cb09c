import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What the admin library offers, on one broker. */
final class Administration {
    private static final long TIMEOUT_MS = 10_000;

    private DefaultMQAdminExt admin;
    private String broker;

    void register(Map<String, InteropClient.Operation> operations) {
        operations.put("startAdmin", this::start);
        operations.put("createTopic", this::createTopic);
        operations.put("deleteTopic", this::deleteTopic);
        operations.put("topics", request -> new TreeSet<>(admin.fetchAllTopicList().getTopicList()));
        operations.put("createGroup", this::createGroup);
        operations.put("deleteGroup", this::deleteGroup);
        operations.put("groups", request -> new TreeSet<>(
            admin.getAllSubscriptionGroup(broker, TIMEOUT_MS).getSubscriptionGroupTable().keySet()));
        operations.put("queueRange", this::queueRange);
        operations.put("searchOffset", this::searchOffset);
        operations.put("view", this::view);
        operations.put("queryByKey", this::queryByKey);
        operations.put("runningInfo", this::runningInfo);
        operations.put("consumeDirectly", request -> admin.consumeMessageDirectly(request.getString("group"),
            request.getString("clientId"), request.getString("topic"), request.getString("messageId"))
            .getConsumeResult().name());
        operations.put("resetOffsets", request -> byQueue(admin.resetOffsetByTimestamp(request.getString("topic"),
            request.getString("group"), request.getLongValue("timestamp"), true)));
        operations.put("consumeStatus", this::consumeStatus);
        operations.put("consumerConnections", this::consumerConnections);
    }

    private Object start(JSONObject request) throws Exception {
        admin = new DefaultMQAdminExt(TIMEOUT_MS);
        admin.setNamesrvAddr(request.getString("nameServer"));
        admin.setInstanceName("admin");
        broker = request.getString("broker");
        admin.start();
        return null;
    }

    private Object createTopic(JSONObject request) throws Exception {
        TopicConfig topic = new TopicConfig(request.getString("topic"));
        topic.setReadQueueNums(request.getIntValue("queues"));
        topic.setWriteQueueNums(request.getIntValue("queues"));
        admin.createAndUpdateTopicConfig(broker, topic);
        return null;
    }

    private Object deleteTopic(JSONObject request) throws Exception {
        String topic = request.getString("topic");
        admin.deleteTopicInBroker(Collections.singleton(broker), topic);
        Set<String> nameServers = Collections.singleton(request.getString("nameServer"));
        Class<?> type = admin.getClass();
        String method = "deleteTopicInNameServer";
        try {
            type.getMethod(method, Set.class, String.class).invoke(admin, nameServers, topic);
        } catch (NoSuchMethodException inVersion4) { // There, the name of a cluster follows.
            type.getMethod(method, Set.class, String.class, String.class).invoke(admin, nameServers, topic, null);
        }
        return null;
    }

    private Object createGroup(JSONObject request) throws Exception {
        // The class of the configuration is in one package in 4.9 and in another in 5.x: taken from the method.
        for (Method method : admin.getClass().getMethods()) {
            if (method.getName().equals("createAndUpdateSubscriptionGroupConfig")) {
                Object group = method.getParameterTypes()[1].getConstructor().newInstance();
                group.getClass().getMethod("setGroupName", String.class).invoke(group, request.getString("group"));
                method.invoke(admin, broker, group);
            }
        }
        return null;
    }

    private Object deleteGroup(JSONObject request) throws Exception {
        admin.deleteSubscriptionGroup(broker, request.getString("group"));
        return null;
    }

    private Object queueRange(JSONObject request) throws Exception {
        JSONObject range = new JSONObject();
        range.put("min", admin.minOffset(queue(request)));
        range.put("max", admin.maxOffset(queue(request)));
        return range;
    }

    private Object searchOffset(JSONObject request) throws Exception {
        return admin.searchOffset(queue(request), request.getLongValue("timestamp"));
    }

    /** By offset id, or else by the unique key that the producer made. */
    private Object view(JSONObject request) throws Exception {
        return Messages.toJson(admin.viewMessage(request.getString("topic"), request.getString("messageId")));
    }

    private Object queryByKey(JSONObject request) throws Exception {
        JSONArray found = new JSONArray();
        for (MessageExt message : admin.queryMessage(request.getString("topic"), request.getString("key"), 64, 0,
            Long.MAX_VALUE).getMessageList()) {
            found.add(Messages.toJson(message));
        }
        return found;
    }

    /** The class of this and of other answers is in one package in 4.9 and in another in 5.x: hence `var`. */
    private Object runningInfo(JSONObject request) throws Exception {
        var info = admin.getConsumerRunningInfo(request.getString("group"), request.getString("clientId"), true);
        JSONObject json = new JSONObject();
        TreeSet<String> subscriptions = new TreeSet<>();
        info.getSubscriptionSet().forEach(each -> subscriptions.add(each.getTopic() + " " + each.getSubString()));
        json.put("subscriptions", subscriptions);
        Map<MessageQueue, Long> nextOffsets = new HashMap<>();
        info.getMqTable().forEach((queue, state) -> nextOffsets.put(queue, state.getCommitOffset()));
        nextOffsets.keySet().removeIf(queue -> !queue.getTopic().equals(request.getString("topic")));
        json.put("offsets", byQueue(nextOffsets));
        json.put("type", info.getProperties().getProperty("PROP_CONSUME_TYPE"));
        json.put("threads", info.getJstack() != null && info.getJstack().contains("TID"));
        return json;
    }

    private Object consumeStatus(JSONObject request) throws Exception {
        JSONObject json = new JSONObject();
        admin.getConsumeStatus(request.getString("topic"), request.getString("group"), request.getString("clientId"))
            .forEach((client, offsets) -> json.put(client, byQueue(offsets)));
        return json;
    }

    private Object consumerConnections(JSONObject request) throws Exception {
        TreeSet<String> clients = new TreeSet<>();
        admin.examineConsumerConnectionInfo(request.getString("group")).getConnectionSet()
            .forEach(connection -> clients.add(connection.getClientId()));
        return clients;
    }

    private static Map<String, Long> byQueue(Map<MessageQueue, Long> offsets) {
        Map<String, Long> sorted = new TreeMap<>();
        offsets.forEach((queue, offset) -> sorted.put(String.valueOf(queue.getQueueId()), offset));
        return sorted;
    }

    private MessageQueue queue(JSONObject request) {
        return new MessageQueue(request.getString("topic"), request.getString("brokerName"),
            request.getIntValue("queue"));
    }
}
