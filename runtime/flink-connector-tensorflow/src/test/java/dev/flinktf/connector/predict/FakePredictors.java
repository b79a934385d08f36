package dev.flinktf.connector.predict;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowDecoder;
import dev.flinktf.connector.arrow.ArrowEncoder;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameReader;
import dev.flinktf.connector.protocol.FrameType;
import dev.flinktf.connector.protocol.FrameWriter;

import org.apache.flink.core.testutils.CommonTestUtils;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** A job's coordinator and the processes of its role {@code predictor}, as far as a client of models sees them. */
final class FakePredictors implements AutoCloseable {

    /** What a process does with the rows of a batch. An IOException hangs up, anything else is the model's failure. */
    @FunctionalInterface
    interface Model {
        List<GenericRowData> predict(Request request) throws Exception;
    }

    /** @param hello of the connection */
    record Request(int instance, JsonNode hello, List<GenericRowData> rows) {

        String path() {
            return hello.at("/model/path").asText();
        }
    }

    static final String TOKEN = "a-secret";

    private final HttpServer coordinator;
    private final List<Instance> instances = new CopyOnWriteArrayList<>();
    private final Model model;
    private final List<Integer> batches = Collections.synchronizedList(new ArrayList<>());
    private final List<JsonNode> hellos = new CopyOnWriteArrayList<>();
    private volatile long version = 1;
    private volatile String role = "predictor";
    private volatile String required = TOKEN;

    /** Starts {@code count} instances, and sets the environment that tells of them. */
    FakePredictors(int count, Model model) throws IOException {
        this.model = model;
        coordinator = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        coordinator.createContext("/v1/status", this::status);
        coordinator.setExecutor(command -> PredictClient.thread("fake coordinator", command).start());
        coordinator.start();
        for (int index = 0; index < count; index++) {
            instances.add(new Instance(index));
        }
        environment(TOKEN);
    }

    /** One output a row: the sum of its columns, NULL where one is NULL. */
    static List<GenericRowData> sums(Request request) {
        List<GenericRowData> outputs = new ArrayList<>();
        for (GenericRowData row : request.rows()) {
            Double sum = 0.0;
            for (int i = 0; i < row.getArity(); i++) {
                sum = row.isNullAt(i) || sum == null ? null : sum + ((Number) row.getField(i)).doubleValue();
            }
            outputs.add(GenericRowData.of(sum, null));
        }
        return outputs;
    }

    void environment(String token) throws IOException {
        Path file = Path.of("target/token");
        Files.writeString(file, token + "\n");
        CommonTestUtils.setEnv(
                Map.of(
                        Directory.COORDINATOR, "http://127.0.0.1:" + coordinator.getAddress().getPort(),
                        Directory.TOKEN_FILE, file.toString()),
                false);
    }

    /** The coordinator tells of other roles from now on. */
    void rename(String other) {
        role = other;
    }

    /** The instances, but not the coordinator, want another token from now on. */
    void requireToken(String token) {
        required = token;
    }

    /** How many rows each request had. */
    List<Integer> batches() {
        return batches;
    }

    List<JsonNode> hellos() {
        return hellos;
    }

    void stop(int index) throws IOException {
        instances.get(index).close();
        news();
    }

    void startAgain(int index) throws IOException {
        instances.set(index, new Instance(index));
        news();
    }

    private void status(HttpExchange exchange) throws IOException {
        awaitNews(exchange.getRequestURI().getQuery());
        boolean known = exchange.getRequestHeaders().getFirst("Authorization").equals("Bearer " + TOKEN);
        String roles =
                instances.stream()
                        .map(each -> String.format(
                                "{\"role\":\"%s\",\"index\":%d,\"state\":\"%s\",\"address\":\"%s\",\"metrics\":{\"loss\":NaN}}",
                                role, each.index, each.isOpen() ? "Running" : "Failed", each.address()))
                        .collect(Collectors.joining(","));
        byte[] body = ("{\"version\":" + version + ",\"roles\":[" + roles + "]}").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(known ? 200 : 401, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    /** {@code version=1&wait=1}, as the coordinator has it. */
    private synchronized void awaitNews(String query) {
        String[] parts = query.split("[=&]");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(parts[3]));
        try {
            while (version == Long.parseLong(parts[1]) && System.nanoTime() < deadline) {
                TimeUnit.NANOSECONDS.timedWait(this, deadline - System.nanoTime());
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void news() {
        version++;
        notifyAll();
    }

    @Override
    public void close() throws IOException {
        coordinator.stop(0);
        for (Instance instance : instances) {
            instance.close();
        }
    }

    private final class Instance {
        private final int index;
        private final ServerSocketChannel server = ServerSocketChannel.open();
        private final InetSocketAddress address;
        private final List<SocketChannel> channels = new CopyOnWriteArrayList<>();

        Instance(int index) throws IOException {
            this.index = index;
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            address = (InetSocketAddress) server.getLocalAddress();
            PredictClient.thread("fake predictor", this::accept).start();
        }

        String address() {
            return "127.0.0.1:" + address.getPort();
        }

        boolean isOpen() {
            return server.isOpen();
        }

        void close() throws IOException {
            server.close();
            for (SocketChannel channel : channels) {
                channel.close();
            }
        }

        private void accept() {
            try {
                while (true) {
                    SocketChannel channel = server.accept();
                    channels.add(channel);
                    PredictClient.thread("fake predictor " + index, () -> serve(channel)).start();
                }
            } catch (IOException closed) {
                // The test is over, or the instance.
            }
        }

        private void serve(SocketChannel channel) {
            try (channel) {
                FrameWriter writer = new FrameWriter(channel);
                try {
                    converse(new FrameReader(channel), writer);
                } catch (IOException hangUp) {
                    return;
                } catch (Exception error) {
                    fail(writer, error.getClass().getSimpleName(), error.getMessage());
                }
            } catch (IOException closed) {
                // By the client.
            }
        }

        private void converse(FrameReader reader, FrameWriter writer) throws Exception {
            Frame first = reader.read();
            JsonNode hello = new ObjectMapper().readTree(first.text());
            if (!hello.get("token").asText().equals(required)) {
                fail(writer, "Unauthorized", "the token is wrong");
                return;
            }
            hellos.add(hello);
            send(writer, FrameType.READY, "{\"version\":1,\"model\":\"7\"}");
            ArrowDecoder decoder = new ArrowDecoder(type(hello.get("schema")));
            ArrowEncoder encoder = new ArrowEncoder(type(hello.get("outputSchema")), new ArrowEncoder.Output());
            for (Frame frame = reader.read(); frame != null; frame = reader.read()) {
                List<GenericRowData> rows = new ArrayList<>();
                decoder.decode(frame.payload(), rows::add);
                Request request = new Request(index, hello, rows);
                batches.add(rows.size());
                for (RowData row : model.predict(request)) {
                    encoder.append(row);
                }
                ArrowBatch batch = encoder.encode(0);
                writer.write(FrameType.RESULT, batch.message(), batch.length());
            }
        }

        private static RowType type(JsonNode schema) {
            String columns =
                    StreamSupport.stream(schema.get("columns").spliterator(), false)
                            .map(column -> "`" + column.get("name").asText() + "` " + column.get("type").asText())
                            .collect(Collectors.joining(","));
            return (RowType)
                    LogicalTypeParser.parse("ROW<" + columns + ">", Thread.currentThread().getContextClassLoader());
        }

        private static void fail(FrameWriter writer, String type, String message) throws IOException {
            send(
                    writer,
                    FrameType.FAILED,
                    String.format("{\"type\":\"%s\",\"message\":\"%s\",\"traceback\":\"in predict\"}", type, message));
        }

        private static void send(FrameWriter writer, FrameType type, String text) throws IOException {
            byte[] payload = text.getBytes(StandardCharsets.UTF_8);
            writer.write(type, payload, payload.length);
        }
    }
}
