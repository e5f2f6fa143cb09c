import com.alibaba.fastjson.JSONObject;
import java.util.Base64;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages and results as JSON; bodies are base64. */
final class Messages {
    static Message fromJson(JSONObject json) {
        Message message = new Message(json.getString("topic"), Base64.getDecoder().decode(json.getString("body")));
        if (json.containsKey("tags")) {
            message.setTags(json.getString("tags"));
        }
        if (json.containsKey("keys")) {
            message.setKeys(json.getString("keys"));
        }
        if (json.containsKey("delayLevel")) {
            message.setDelayTimeLevel(json.getIntValue("delayLevel"));
        }
        JSONObject properties = json.getJSONObject("properties");
        if (properties != null) {
            properties.forEach((name, value) -> message.putUserProperty(name, String.valueOf(value)));
        }
        return message;
    }

    static JSONObject toJson(MessageExt message) {
        JSONObject json = new JSONObject();
        json.put("topic", message.getTopic());
        json.put("body", Base64.getEncoder().encodeToString(message.getBody()));
        json.put("tags", message.getTags());
        json.put("keys", message.getKeys());
        json.put("properties", message.getProperties());
        json.put("id", message.getMsgId());
        if (message instanceof MessageClientExt) {
            json.put("offsetId", ((MessageClientExt) message).getOffsetMsgId());
        }
        json.put("queue", message.getQueueId());
        json.put("offset", message.getQueueOffset());
        json.put("attempt", message.getReconsumeTimes());
        json.put("bornAt", message.getBornTimestamp());
        json.put("storedAt", message.getStoreTimestamp());
        json.put("at", System.currentTimeMillis());
        return json;
    }

    static JSONObject toJson(SendResult result) {
        JSONObject json = new JSONObject();
        json.put("status", result.getSendStatus().name());
        json.put("id", result.getMsgId());
        json.put("offsetId", result.getOffsetMsgId());
        json.put("queue", result.getMessageQueue().getQueueId());
        json.put("offset", result.getQueueOffset());
        return json;
    }

    private Messages() {
    }
}
