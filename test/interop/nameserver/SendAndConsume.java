import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** usage: SendAndConsume NAMESRV TOPIC COUNT. Prints what was sent and consumed, and whether it is the same. */
public class SendAndConsume {
    public static void main(String[] args) throws Exception {
        String namesrv = args[0];
        String topic = args[1];
        int count = Integer.parseInt(args[2]);

        Set<String> sent = new TreeSet<>();
        DefaultMQProducer producer = new DefaultMQProducer("producer_" + topic);
        producer.setNamesrvAddr(namesrv);
        producer.setSendMsgTimeout(30_000);
        producer.start();
        for (int i = 0; i < count; i++) {
            String body = "message " + i;
            Message message = new Message(topic, body.getBytes("UTF-8"));
            if (sendPatiently(producer, message)) {
                sent.add(body);
            }
        }
        producer.shutdown();

        Set<String> consumed = new ConcurrentSkipListSet<>();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("consumer_" + topic);
        consumer.setNamesrvAddr(namesrv);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                consumed.add(new String(message.getBody()));
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        long deadline = System.currentTimeMillis() + 60_000;
        while (consumed.size() < count && System.currentTimeMillis() < deadline) {
            Thread.sleep(50);
        }
        consumer.shutdown();
        System.out.println("sent " + sent.size() + " consumed " + consumed.size() + " same " + sent.equals(consumed));
        System.exit(0);
    }

    /** The first TLS handshakes of a JVM take longer on a busy machine than its client waits. */
    private static boolean sendPatiently(DefaultMQProducer producer, Message message) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return producer.send(message).getSendStatus() == SendStatus.SEND_OK;
            } catch (Exception e) {
                if (attempt == 5) {
                    throw e;
                }
                Thread.sleep(500);
            }
        }
    }
}
