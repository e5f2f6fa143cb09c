import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.rocketmq.client.ClientConfig;

/**
 * The official Java client under remote control: one JSON request a line on standard input, one JSON answer a line on
 * standard output, and a line for each message that a consumer receives. The scenarios, and all that they assert, are
 * in test/interop/scenarios; the Go client beside this one speaks the same lines. Compiles against 4.9 and 5.x.
 */
public final class InteropClient {
    /** One request. What it returns becomes the answer; what it throws becomes the answer's error. */
    interface Operation {
        Object run(JSONObject request) throws Exception;
    }

    private static final PrintStream OUT = new PrintStream(new FileOutputStream(FileDescriptor.out), true);

    public static void main(String[] arguments) throws Exception {
        System.setOut(System.err); // What the libraries print must not mix with the answers.
        Map<String, Operation> operations = new HashMap<>();
        new Producers().register(operations);
        new Consumers().register(operations);
        new Pulling().register(operations);
        new Administration().register(operations);

        ExecutorService workers = Executors.newCachedThreadPool();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JSONObject request = JSON.parseObject(line);
            workers.execute(() -> answer(operations, request));
        }
        System.exit(0); // Client threads are not daemons.
    }

    private static void answer(Map<String, Operation> operations, JSONObject request) {
        JSONObject answer = new JSONObject();
        answer.put("id", request.get("id"));
        try {
            Object result = operations.get(request.getString("do")).run(request);
            answer.put("result", result == null ? new JSONObject() : result);
        } catch (Throwable failure) {
            failure.printStackTrace();
            answer.put("error", String.valueOf(failure));
        }
        print(answer);
    }

    static synchronized void print(JSONObject line) {
        byte[] bytes = (line.toJSONString() + "\n").getBytes(StandardCharsets.UTF_8);
        OUT.write(bytes, 0, bytes.length);
        OUT.flush();
    }

    /** The settings that all kinds of clients share. */
    static void connect(ClientConfig client, JSONObject request) {
        client.setNamesrvAddr(request.getString("nameServer"));
        client.setInstanceName(request.getString("name"));
        client.setVipChannelEnabled(request.getBooleanValue("vip"));
        client.setMqClientApiTimeout(20_000);
        client.setUseTLS(request.getBooleanValue("tls"));
        if (request.containsKey("pollMs")) {
            client.setPollNameServerInterval(request.getIntValue("pollMs"));
        }
    }

    static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
        }
    }

    private InteropClient() {
    }
}
