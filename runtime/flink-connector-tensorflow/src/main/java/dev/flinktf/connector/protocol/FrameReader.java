package dev.flinktf.connector.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * Reads frames from a blocking channel. Not thread-safe.
 *
 * <p>All bytes pass through one direct buffer of a fixed size: a channel that reads into arrays would keep a direct
 * buffer as large as the largest frame, and a TaskManager's direct memory is counted.
 */
public final class FrameReader {

    private static final int STAGING_BYTES = 128 << 10;

    private final ReadableByteChannel channel;
    private final ByteBuffer staging = ByteBuffer.allocateDirect(STAGING_BYTES).flip();

    public FrameReader(ReadableByteChannel channel) {
        this.channel = channel;
    }

    /**
     * Waits for the next frame.
     *
     * @return null when the peer closed the connection after a whole frame
     * @throws ProtocolException for bytes that are no frame, and for an end within one
     */
    public Frame read() throws IOException {
        while (staging.remaining() < FrameHeader.BYTES) {
            if (!fill()) {
                if (staging.hasRemaining()) {
                    throw cut("its header");
                }
                return null;
            }
        }
        FrameHeader header = FrameHeader.get(staging);
        byte[] payload = new byte[header.length()];
        int read = 0;
        while (read < payload.length) {
            if (!staging.hasRemaining() && !fill()) {
                throw cut("its " + header.type() + " payload, after " + read + " of " + payload.length + " bytes");
            }
            int length = Math.min(staging.remaining(), payload.length - read);
            staging.get(payload, read, length);
            read += length;
        }
        return new Frame(header.type(), payload);
    }

    private boolean fill() throws IOException {
        staging.compact();
        try {
            return channel.read(staging) >= 0;
        } finally {
            staging.flip();
        }
    }

    private static ProtocolException cut(String where) {
        return new ProtocolException("the connection ended within a frame, in " + where);
    }
}
