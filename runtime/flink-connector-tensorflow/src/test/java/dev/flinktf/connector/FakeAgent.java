package dev.flinktf.connector;

import dev.flinktf.connector.arrow.ArrowDecoder;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameReader;
import dev.flinktf.connector.protocol.FrameType;
import dev.flinktf.connector.protocol.FrameWriter;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** The other end of the protocol: an agent and its role processes in one, that do what a test's script says. */
public final class FakeAgent implements AutoCloseable {

    /** What the role behind one connection does after HELLO. Returning closes the connection. */
    @FunctionalInterface
    public interface Script {
        void run(Peer peer) throws Exception;
    }

    private static final Path SOCKET = Path.of(System.getenv("FLINKTF_AGENT_SOCKET"));

    private final ServerSocketChannel server;
    private final Script script;
    private final List<Peer> peers = new CopyOnWriteArrayList<>();
    private final List<Throwable> errors = new CopyOnWriteArrayList<>();

    public FakeAgent(Script script) throws IOException {
        Files.deleteIfExists(SOCKET);
        this.script = script;
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(SOCKET));
        start("fake agent", this::accept);
    }

    /** A role that takes all rows, saves at every barrier, and is done at the end. */
    public static Script training(RowType type) {
        return peer -> {
            peer.ready();
            peer.takeAll(type);
        };
    }

    private void accept() throws IOException {
        while (true) {
            SocketChannel channel = server.accept();
            Peer peer = new Peer(channel);
            start("fake role", () -> {
                try (channel) {
                    peer.hello = new ObjectMapper().readTree(peer.expect(FrameType.HELLO).text());
                    peers.add(peer);
                    script.run(peer);
                }
            });
        }
    }

    private interface Body {
        void run() throws Exception;
    }

    private void start(String name, Body body) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                body.run();
                            } catch (ClosedChannelException closed) {
                                // The test is over.
                            } catch (Exception | AssertionError error) {
                                errors.add(error);
                            }
                        },
                        name);
        thread.setDaemon(true);
        thread.start();
    }

    /** The connections so far, in the order of their HELLOs. */
    public List<Peer> peers() {
        return peers;
    }

    /** The rows that all connections took, each as the text of its values. */
    public List<String> rows() {
        return peers.stream().flatMap(peer -> peer.rows.stream()).toList();
    }

    /** What went wrong in scripts. */
    public List<Throwable> errors() {
        return errors;
    }

    @Override
    public void close() throws IOException {
        server.close();
        Files.deleteIfExists(SOCKET);
    }

    /** One connection, seen from the role. */
    public static final class Peer {
        private final FrameReader reader;
        private final FrameWriter writer;
        private final List<String> rows = new CopyOnWriteArrayList<>();
        private final List<Long> barriers = new CopyOnWriteArrayList<>();
        private volatile JsonNode hello;

        private Peer(SocketChannel channel) {
            reader = new FrameReader(channel);
            writer = new FrameWriter(channel);
        }

        public JsonNode hello() {
            return hello;
        }

        public List<String> rows() {
            return rows;
        }

        public List<Long> barriers() {
            return barriers;
        }

        public Frame read() throws IOException {
            Frame frame = reader.read();
            if (frame == null) {
                throw new ClosedChannelException();
            }
            return frame;
        }

        public Frame expect(FrameType type) throws IOException {
            Frame frame = read();
            if (frame.type() != type) {
                throw new AssertionError(frame.type() + " instead of " + type);
            }
            return frame;
        }

        public void send(FrameType type, String payload) throws IOException {
            send(type, payload.getBytes(StandardCharsets.UTF_8));
        }

        public void send(FrameType type, byte[] payload) throws IOException {
            writer.write(type, payload, payload.length);
        }

        public void ready() throws IOException {
            send(FrameType.READY, "{\"version\":1,\"generation\":1}");
        }

        public void done() throws IOException {
            send(FrameType.DONE, "{\"rows\":" + rows.size() + ",\"steps\":1}");
        }

        /** All records, and DONE. */
        public void takeAll(RowType type) throws IOException {
            for (Frame frame = read(); frame.type() != FrameType.END; frame = read()) {
                take(frame, type);
            }
            done();
        }

        /** Neither reads nor closes, for longer than any test lasts. */
        public void hang() throws InterruptedException {
            new CountDownLatch(1).await();
        }

        /** Takes the rows of DATA, answers BARRIER. */
        public void take(Frame frame, RowType type) throws IOException {
            if (frame.type() == FrameType.DATA) {
                for (RowData row : decode(frame, type)) {
                    rows.add(row.toString());
                }
            } else {
                saved(frame);
            }
        }

        public List<RowData> decode(Frame data, RowType type) {
            List<RowData> decoded = new ArrayList<>();
            new ArrowDecoder(type).decode(data.payload(), decoded::add);
            return decoded;
        }

        public void saved(Frame barrier) throws IOException {
            long id = new ObjectMapper().readTree(barrier.text()).get("checkpointId").asLong();
            barriers.add(id);
            send(FrameType.SAVED, "{\"checkpointId\":" + id + ",\"location\":\"file:///saved/" + id + "\"}");
        }
    }
}
