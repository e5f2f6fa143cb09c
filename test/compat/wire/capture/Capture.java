// Uses a RocketMQ client in the ways whose frames are kept in test/compat. Arguments: name server, topic, consumer group.
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

public class Capture {
  public static void main(String[] args) throws Exception {
    String nameServer = args[0];
    String topic = args[1];
    String group = args[2];
    DefaultMQProducer producer = new DefaultMQProducer("capture_producer");
    producer.setNamesrvAddr(nameServer);
    producer.setSendMsgTimeout(20_000);
    producer.start();
    Message message = new Message(topic, "TagA", "key1 key2", "hello".getBytes(StandardCharsets.UTF_8));
    message.putUserProperty("city", "\u5317\u4eac \"quoted\" \\ \ud83d\ude80");
    SendResult result = producer.send(message);
    System.out.println(result);
    producer.sendOneway(new Message(topic, "TagB", "oneway".getBytes(StandardCharsets.UTF_8)));
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      batch.add(new Message(topic, "TagA", "batch" + i, ("batch " + i).getBytes(StandardCharsets.UTF_8)));
    }
    System.out.println(producer.send(batch));
    Message large = new Message(topic, "TagC", new byte[6000]);
    System.out.println(producer.send(large));

    MessageQueue queue = result.getMessageQueue();
    System.out.println(producer.maxOffset(queue) + " " + producer.minOffset(queue));
    System.out.println(producer.earliestMsgStoreTime(queue));
    System.out.println(producer.searchOffset(queue, System.currentTimeMillis() - 60_000));
    Thread.sleep(1_500);
    System.out.println(producer.viewMessage(topic, result.getOffsetMsgId()));
    System.out.println(producer.queryMessage(topic, "key1", 10, 0, System.currentTimeMillis() + 60_000).getMessageList().size());

    CountDownLatch received = new CountDownLatch(6);
    Set<String> seen = ConcurrentHashMap.newKeySet();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
    consumer.setNamesrvAddr(nameServer);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "TagA || TagB");
    consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
      received.countDown();
      // The first one once more: CONSUMER_SEND_MSG_BACK.
      return seen.add("first") ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
    });
    consumer.start();
    DefaultMQPushConsumer ordered = new DefaultMQPushConsumer(group + "_ordered");
    ordered.setNamesrvAddr(nameServer);
    ordered.setInstanceName("ordered");
    ordered.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    ordered.subscribe(topic, "*");
    ordered.registerMessageListener((MessageListenerOrderly) (messages, context) -> ConsumeOrderlyStatus.SUCCESS);
    ordered.start();
    System.out.println(received.await(15, TimeUnit.SECONDS));
    producer.send(new Message(topic, "TagA", "arrives while pulls wait".getBytes(StandardCharsets.UTF_8)));
    Thread.sleep(Long.parseLong(args.length > 3 ? args[3] : "8000"));
    consumer.shutdown();
    ordered.shutdown();
    producer.shutdown();
    System.exit(0);
  }
}
