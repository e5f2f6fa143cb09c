import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Consumers that ask for messages, by name: the one that keeps its place, and the older one that is told it. */
final class Pulling {
    private final Map<String, DefaultLitePullConsumer> lite = new ConcurrentHashMap<>();
    private final Map<String, DefaultMQPullConsumer> plain = new ConcurrentHashMap<>();

    void register(Map<String, InteropClient.Operation> operations) {
        operations.put("startLitePull", this::startLite);
        operations.put("stopLitePull", request -> {
            lite.remove(request.getString("name")).shutdown();
            return null;
        });
        operations.put("poll", request -> toJson(lite(request).poll(request.getLongValue("waitMs"))));
        operations.put("seek", this::seek);
        operations.put("commitPolled", request -> {
            lite(request).commitSync();
            return null;
        });
        operations.put("committed", request -> lite(request).committed(queue(request)));
        operations.put("offsetForTimestamp", request ->
            lite(request).offsetForTimestamp(queue(request), request.getLong("timestamp")));
        operations.put("startPull", this::startPlain);
        operations.put("stopPull", request -> {
            plain.remove(request.getString("name")).shutdown();
            return null;
        });
        operations.put("queues", this::queues);
        operations.put("pull", this::pull);
        operations.put("updateOffset", this::updateOffset);
        operations.put("fetchOffset", request -> plain(request).fetchConsumeOffset(queue(request), true));
        operations.put("sendBack", this::sendBack);
    }

    private Object startLite(JSONObject request) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(request.getString("group"));
        InteropClient.connect(consumer, request);
        consumer.setAutoCommit(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        JSONArray queues = request.getJSONArray("queues");
        if (queues == null) {
            consumer.subscribe(request.getString("topic"), request.getString("expression"));
        }
        consumer.start();
        if (queues != null) {
            List<MessageQueue> assigned = new ArrayList<>();
            for (MessageQueue queue : consumer.fetchMessageQueues(request.getString("topic"))) {
                if (queues.contains(queue.getQueueId())) {
                    assigned.add(queue);
                }
            }
            consumer.assign(assigned);
        }
        lite.put(request.getString("name"), consumer);
        return null;
    }

    private Object seek(JSONObject request) throws Exception {
        switch (request.getString("to")) {
            case "begin":
                lite(request).seekToBegin(queue(request));
                return null;
            case "end":
                lite(request).seekToEnd(queue(request));
                return null;
            default:
                lite(request).seek(queue(request), request.getLongValue("to"));
                return null;
        }
    }

    private Object startPlain(JSONObject request) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(request.getString("group"));
        InteropClient.connect(consumer, request);
        consumer.start();
        plain.put(request.getString("name"), consumer);
        return null;
    }

    private Object queues(JSONObject request) throws Exception {
        List<Integer> queues = new ArrayList<>();
        for (MessageQueue queue : plain(request).fetchSubscribeMessageQueues(request.getString("topic"))) {
            queues.add(queue.getQueueId());
        }
        Collections.sort(queues);
        return queues;
    }

    private Object pull(JSONObject request) throws Exception {
        long offset = request.getLongValue("offset");
        int count = request.getIntValue("count");
        String expression = request.getString("expression");
        PullResult result = request.getBooleanValue("wait")
            ? plain(request).pullBlockIfNotFound(queue(request), expression, offset, count)
            : plain(request).pull(queue(request), expression, offset, count);
        JSONObject json = new JSONObject();
        json.put("status", result.getPullStatus().name());
        json.put("next", result.getNextBeginOffset());
        json.put("min", result.getMinOffset());
        json.put("max", result.getMaxOffset());
        json.put("messages", result.getMsgFoundList() == null ? new JSONArray() : toJson(result.getMsgFoundList()));
        return json;
    }

    private Object updateOffset(JSONObject request) throws Exception {
        plain(request).updateConsumeOffset(queue(request), request.getLongValue("offset"));
        plain(request).getDefaultMQPullConsumerImpl().getOffsetStore().persist(queue(request));
        return null;
    }

    private Object sendBack(JSONObject request) throws Exception {
        MessageExt message = plain(request)
            .pull(queue(request), "*", request.getLongValue("offset"), 1).getMsgFoundList().get(0);
        plain(request).sendMessageBack(message, request.getIntValue("delayLevel"));
        return null;
    }

    private DefaultLitePullConsumer lite(JSONObject request) {
        return lite.get(request.getString("name"));
    }

    private DefaultMQPullConsumer plain(JSONObject request) {
        return plain.get(request.getString("name"));
    }

    private static MessageQueue queue(JSONObject request) {
        return new MessageQueue(request.getString("topic"), request.getString("brokerName"),
            request.getIntValue("queue"));
    }

    private static JSONArray toJson(List<MessageExt> messages) {
        JSONArray array = new JSONArray();
        for (MessageExt message : messages) {
            array.add(Messages.toJson(message));
        }
        return array;
    }
}
