package dev.flinktf.connector.arrow;

import com.google.flatbuffers.FlatBufferBuilder;

import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MetadataVersion;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The envelope of an Arrow IPC message: {@code 0xFFFFFFFF}, metadata size, metadata, body.
 *
 * <p>Metadata and every buffer of the body end on a multiple of 64 bytes, which Arrow recommends: NumPy and TensorFlow
 * can then use the buffers where they lie.
 */
final class Encapsulated {

    private static final int ALIGNMENT = 64;

    private static final int CONTINUATION = 0xFFFFFFFF;
    private static final int PREFIX_BYTES = 8;

    private Encapsulated() {}

    static int align(int bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }

    /** Finishes the metadata and returns its size in the message, prefix and padding included. */
    static int finish(FlatBufferBuilder builder, byte headerType, int header, long bodyLength) {
        builder.finish(Message.createMessage(builder, MetadataVersion.V5, headerType, header, bodyLength, 0));
        return align(PREFIX_BYTES + builder.offset());
    }

    /** Writes prefix and finished metadata, {@code size} bytes with their padding, to the start of a message. */
    static void copyMetadata(FlatBufferBuilder builder, byte[] message, int size) {
        ByteBuffer target = ByteBuffer.wrap(message, 0, size).order(ByteOrder.LITTLE_ENDIAN);
        target.putInt(CONTINUATION).putInt(size - PREFIX_BYTES);
        target.put(builder.dataBuffer());
        while (target.hasRemaining()) {
            target.put((byte) 0);
        }
    }

    /** The metadata of a message, positioned at its flatbuffer; {@code body} is where its body starts. */
    record Metadata(Message message, int body) {}

    /** Reads the envelope. Throws BatchFormatException for bytes that are none. */
    static Metadata read(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < PREFIX_BYTES || buffer.getInt() != CONTINUATION) {
            throw new BatchFormatException("not an Arrow IPC message");
        }
        int size = buffer.getInt();
        if (size <= 0 || size > buffer.remaining()) {
            throw new BatchFormatException("an Arrow IPC message cut short: metadata of " + size + " bytes");
        }
        return new Metadata(Message.getRootAsMessage(buffer), PREFIX_BYTES + size);
    }
}
