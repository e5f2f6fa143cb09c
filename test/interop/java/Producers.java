import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** Producers by name, and the four ways to send. */
final class Producers {
    private final Map<String, DefaultMQProducer> producers = new ConcurrentHashMap<>();

    void register(Map<String, InteropClient.Operation> operations) {
        operations.put("startProducer", this::start);
        operations.put("stopProducer", this::stop);
        operations.put("send", this::send);
    }

    private Object start(JSONObject request) throws Exception {
        DefaultMQProducer producer =
            new DefaultMQProducer(request.getString("group"), null, request.getBooleanValue("trace"), null);
        InteropClient.connect(producer, request);
        if (request.containsKey("compression")) {
            compressWith(producer, request.getString("compression"));
        }
        producer.setSendMsgTimeout(request.containsKey("timeoutMs") ? request.getIntValue("timeoutMs") : 20_000);
        producer.setRetryTimesWhenSendFailed(request.getIntValue("retries"));
        producer.setRetryTimesWhenSendAsyncFailed(request.getIntValue("retries"));
        producer.start();
        producers.put(request.getString("name"), producer);
        return null;
    }

    /** Not in 4.9, whose only way is zlib. */
    private static void compressWith(DefaultMQProducer producer, String type) throws Exception {
        Class<?> types = Class.forName("org.apache.rocketmq.common.compression.CompressionType");
        Object wanted = types.getMethod("valueOf", String.class).invoke(null, type);
        producer.getClass().getMethod("setCompressType", types).invoke(producer, wanted);
    }

    private Object stop(JSONObject request) {
        producers.remove(request.getString("name")).shutdown();
        return null;
    }

    private Object send(JSONObject request) throws Exception {
        DefaultMQProducer producer = producers.get(request.getString("name"));
        List<Message> messages = new ArrayList<>();
        for (Object json : request.getJSONArray("messages")) {
            messages.add(Messages.fromJson((JSONObject) json));
        }
        JSONArray results = new JSONArray();
        switch (request.getString("how")) {
            case "sync":
                for (Message message : messages) {
                    results.add(Messages.toJson(sendOne(producer, message, request.getInteger("queue"))));
                }
                return results;
            case "async":
                for (SendResult result : sendTogether(producer, messages)) {
                    results.add(Messages.toJson(result));
                }
                return results;
            case "oneway":
                for (Message message : messages) {
                    producer.sendOneway(message);
                }
                return results;
            case "batch":
                results.add(Messages.toJson(producer.send(messages)));
                return results;
            default:
                throw new IllegalArgumentException("no way to send: " + request.getString("how"));
        }
    }

    private static SendResult sendOne(DefaultMQProducer producer, Message message, Integer queue) throws Exception {
        if (queue == null) {
            return producer.send(message);
        }
        return producer.send(message, (queues, sent, wanted) ->
            queues.stream().filter(each -> each.getQueueId() == queue).findFirst().get(), null);
    }

    private static List<SendResult> sendTogether(DefaultMQProducer producer, List<Message> messages) throws Exception {
        List<CompletableFuture<SendResult>> pending = new ArrayList<>();
        for (Message message : messages) {
            CompletableFuture<SendResult> answer = new CompletableFuture<>();
            pending.add(answer);
            producer.send(message, new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    answer.complete(result);
                }

                @Override
                public void onException(Throwable failure) {
                    answer.completeExceptionally(failure);
                }
            });
        }
        List<SendResult> results = new ArrayList<>();
        for (CompletableFuture<SendResult> answer : pending) {
            results.add(answer.get(15, TimeUnit.SECONDS));
        }
        return results;
    }
}
