import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.Permission;
import java.util.Arrays;
import java.util.List;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * mqadmin for many commands in one virtual machine: one JSON array of arguments a line on standard input, one JSON
 * object a line on standard output with what the command printed and its exit status.
 */
public final class MqadminDriver {
    /** Reaches the table of commands, which each start fills anew without emptying it. */
    private static final class Startup extends MQAdminStartup {
        static void forgetCommands() {
            SUB_COMMANDS.clear();
        }
    }

    /** Thrown in place of the end of the process; an Error, since commands catch every Exception. */
    private static final class Exit extends Error {
        final int status;

        Exit(int status) {
            this.status = status;
        }
    }

    /** Allows everything but the end of the process. Needs -Djava.security.manager=allow. */
    @SuppressWarnings("removal")
    private static final class NoExit extends SecurityManager {
        @Override
        public void checkExit(int status) {
            throw new Exit(status);
        }

        @Override
        public void checkPermission(Permission permission) {
        }

        @Override
        public void checkPermission(Permission permission, Object context) {
        }
    }

    @SuppressWarnings("removal")
    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.setSecurityManager(new NoExit());
        Thread commands = Thread.currentThread();
        Thread hurrying = new Thread(() -> hurryShutdowns(commands));
        hurrying.setDaemon(true);
        hurrying.start();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            List<String> command = JSON.parseArray(line, String.class);
            byte[] answer = (run(command.toArray(new String[0])).toJSONString() + "\n").getBytes(StandardCharsets.UTF_8);
            answers.write(answer, 0, answer.length);
            answers.flush();
        }
        Runtime.getRuntime().halt(0); // Client threads are not daemons.
    }

    private static JSONObject run(String[] command) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
        System.setIn(new ByteArrayInputStream(new byte[0]));
        System.clearProperty("rocketmq.namesrv.addr"); // The option -n of one command must not serve the next.
        Startup.forgetCommands();
        int status = 0;
        try {
            MQAdminStartup.main0(command, null);
        } catch (Exit exit) {
            status = exit.status;
        }
        JSONObject answer = new JSONObject();
        answer.put("status", status);
        answer.put("out", printed.toString(StandardCharsets.UTF_8));
        answer.put("err", complained.toString(StandardCharsets.UTF_8));
        return answer;
    }

    /**
     * The end of a client waits for a thread that looks only every 3 s whether it shall end; interrupted, it looks at
     * once.
     */
    private static void hurryShutdowns(Thread commands) {
        while (true) {
            boolean isEnding = Arrays.stream(commands.getStackTrace())
                .anyMatch(frame -> frame.getClassName().endsWith(".ServiceThread") && frame.getMethodName().equals("shutdown"));
            if (isEnding) {
                Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("NettyEventExecutor"))
                    .forEach(Thread::interrupt);
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException stopping) {
                return;
            }
        }
    }

    private MqadminDriver() {
    }
}
