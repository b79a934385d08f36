package dev.flinktf.connector.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/** Writes frames to a blocking channel, through one direct buffer as {@link FrameReader} does. Not thread-safe. */
public final class FrameWriter {

    private static final int STAGING_BYTES = 256 << 10;

    private final WritableByteChannel channel;
    private final ByteBuffer staging = ByteBuffer.allocateDirect(STAGING_BYTES);

    public FrameWriter(WritableByteChannel channel) {
        this.channel = channel;
    }

    /**
     * Writes one frame whose payload is the first {@code length} bytes of an array; returns when all of it is written.
     *
     * @throws ProtocolException when the payload is larger than its type allows; nothing was written then
     */
    public void write(FrameType type, byte[] payload, int length) throws IOException {
        staging.clear();
        FrameHeader.put(staging, type, length);
        int written = 0;
        do {
            int part = Math.min(staging.remaining(), length - written);
            staging.put(payload, written, part).flip();
            while (staging.hasRemaining()) {
                channel.write(staging);
            }
            staging.clear();
            written += part;
        } while (written < length);
    }

    /** Writes one frame. */
    public void write(Frame frame) throws IOException {
        write(frame.type(), frame.payload(), frame.payload().length);
    }
}
