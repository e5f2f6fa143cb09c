import com.alibaba.fastjson.JSONObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumers by name. One thread consumes, so that the lines of one queue come in the order of the queue. */
final class Consumers {
    private final Map<String, DefaultMQPushConsumer> consumers = new ConcurrentHashMap<>();

    void register(Map<String, InteropClient.Operation> operations) {
        operations.put("startConsumer", this::start);
        operations.put("stopConsumer", this::stop);
    }

    private Object start(JSONObject request) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(request.getString("group"), null,
            new AllocateMessageQueueAveragely(), request.getBooleanValue("trace"), null);
        InteropClient.connect(consumer, request);
        consumer.setConsumeThreadMin(1);
        consumer.setConsumeThreadMax(1);
        consumer.setAwaitTerminationMillisWhenShutdown(5000);
        consumer.setConsumeFromWhere(ConsumeFromWhere.valueOf(request.getString("from")));
        if (request.containsKey("timestamp")) {
            consumer.setConsumeTimestamp(request.getString("timestamp"));
        }
        if (request.getBooleanValue("broadcast")) {
            // The class of the model is in one package in 4.9 and in another in 5.x.
            var clustering = consumer.getMessageModel();
            consumer.setMessageModel(Enum.valueOf(clustering.getDeclaringClass(), "BROADCASTING"));
        }
        if (request.containsKey("maxRetries")) {
            consumer.setMaxReconsumeTimes(request.getIntValue("maxRetries"));
        }
        if (request.getBooleanValue("assigned")) {
            // Not in 4.9.
            consumer.getClass().getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        }
        if (request.getBooleanValue("shortHeartbeats")) {
            // Not in 4.9.
            consumer.getClass().getMethod("setUseHeartbeatV2", boolean.class).invoke(consumer, true);
        }
        consumer.subscribe(request.getString("topic"), request.getString("expression"));
        if (request.getBooleanValue("orderly")) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) ->
                consumeOrderly(request, messages, context));
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                consumeConcurrently(request, messages, context));
        }
        consumer.start();
        consumers.put(request.getString("name"), consumer);
        return null;
    }

    private static ConsumeConcurrentlyStatus consumeConcurrently(JSONObject request, List<MessageExt> messages,
        ConsumeConcurrentlyContext context) {
        context.setDelayLevelWhenNextConsume(request.getIntValue("retryDelayLevel"));
        return consume(request, messages) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS
            : ConsumeConcurrentlyStatus.RECONSUME_LATER;
    }

    private static ConsumeOrderlyStatus consumeOrderly(JSONObject request, List<MessageExt> messages,
        ConsumeOrderlyContext context) {
        context.setSuspendCurrentQueueTimeMillis(50);
        return consume(request, messages) ? ConsumeOrderlyStatus.SUCCESS
            : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
    }

    /** Whether the message, of which there is one at a time, is done: one with the tag `failing` fails some times. */
    private static boolean consume(JSONObject request, List<MessageExt> messages) {
        boolean isDone = true;
        for (MessageExt message : messages) {
            JSONObject line = new JSONObject();
            line.put("received", Messages.toJson(message));
            line.put("name", request.getString("name"));
            InteropClient.print(line);
            isDone &= !"failing".equals(message.getTags()) || message.getReconsumeTimes() >= request.getIntValue("failures");
        }
        InteropClient.pause(request.getLongValue("pauseMs"));
        return isDone;
    }

    private Object stop(JSONObject request) {
        consumers.remove(request.getString("name")).shutdown();
        return null;
    }
}
