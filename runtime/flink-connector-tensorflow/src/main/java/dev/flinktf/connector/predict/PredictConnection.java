package dev.flinktf.connector.predict;

import dev.flinktf.connector.protocol.Answer;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameReader;
import dev.flinktf.connector.protocol.FrameType;
import dev.flinktf.connector.protocol.FrameWriter;
import dev.flinktf.connector.protocol.PredictHello;
import dev.flinktf.connector.protocol.ProtocolException;
import dev.flinktf.connector.role.JobFailedException;
import dev.flinktf.connector.role.RoleFailedException;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.channels.SocketChannel;

/**
 * A connection to one process that serves models (docs/protocol.md, Predictions). One thread sends, another one receives.
 *
 * <p>A {@link RoleFailedException} is what the process says about the model, and another process would say the same. Any other
 * IOException is the connection's end.
 */
final class PredictConnection implements Closeable {

    private static final int CONNECT_MILLIS = 5_000;

    private final SocketChannel channel;
    private final FrameReader reader;
    private final FrameWriter writer;

    private PredictConnection(SocketChannel channel) {
        this.channel = channel;
        reader = new FrameReader(channel);
        writer = new FrameWriter(channel);
    }

    /** Connects to {@code host:port}. */
    static PredictConnection to(String address) throws IOException {
        URI where = URI.create("tcp://" + address);
        SocketChannel channel = SocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            channel.socket().connect(new InetSocketAddress(where.getHost(), where.getPort()), CONNECT_MILLIS);
            return new PredictConnection(channel);
        } catch (IOException | RuntimeException error) {
            channel.close();
            throw error;
        }
    }

    /** Says HELLO, waits until the model is loaded, and returns its version. */
    String begin(Frame hello) throws IOException {
        writer.write(hello);
        return PredictHello.model(receive(FrameType.READY));
    }

    /** Sends one batch, blocking while the process does not keep up. */
    void send(byte[] message) throws IOException {
        writer.write(FrameType.DATA, message, message.length);
    }

    /** Waits for the answer to the oldest batch that has none. */
    byte[] receive() throws IOException {
        return receive(FrameType.RESULT).payload();
    }

    private Frame receive(FrameType expected) throws IOException {
        Frame frame = reader.read();
        if (frame == null) {
            throw new EOFException("it closed the connection");
        }
        if (frame.type() == expected) {
            return frame;
        }
        if (Answer.parse(frame) instanceof Answer.Failed failed) {
            String message = String.format("%s: %s%n%s", failed.type(), failed.message(), failed.traceback());
            throw failed.isFinal() ? new JobFailedException(message) : new RoleFailedException(message);
        }
        throw new ProtocolException("it sent " + frame.type() + " instead of " + expected);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
