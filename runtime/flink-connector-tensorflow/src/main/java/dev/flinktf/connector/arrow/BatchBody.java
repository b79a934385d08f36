package dev.flinktf.connector.arrow;

import com.google.flatbuffers.FlatBufferBuilder;

import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;

import java.util.Arrays;

/**
 * Assembles the nodes and buffers of one record batch into an Arrow IPC message. The message array is used again for the
 * next one; one instance serves all encoders of an operator.
 */
final class BatchBody {

    private final FlatBufferBuilder builder = new FlatBufferBuilder(1024);
    private int nodes;
    private int[] nodeRows = new int[16];
    private int[] nodeNulls = new int[16];
    private int buffers;
    private byte[][] bufferBytes = new byte[32][];
    private int[] bufferLengths = new int[32];
    private byte[] message = new byte[0];

    void clear() {
        nodes = 0;
        buffers = 0;
    }

    void node(int rows, int nulls) {
        if (nodes == nodeRows.length) {
            nodeRows = Arrays.copyOf(nodeRows, 2 * nodes);
            nodeNulls = Arrays.copyOf(nodeNulls, 2 * nodes);
        }
        nodeRows[nodes] = rows;
        nodeNulls[nodes++] = nulls;
    }

    void buffer(byte[] bytes, int length) {
        if (buffers == bufferBytes.length) {
            bufferBytes = Arrays.copyOf(bufferBytes, 2 * buffers);
            bufferLengths = Arrays.copyOf(bufferLengths, 2 * buffers);
        }
        bufferBytes[buffers] = bytes;
        bufferLengths[buffers++] = length;
    }

    /** The bytes of all buffers with their padding. */
    long bytes() {
        long bytes = 0;
        for (int i = 0; i < buffers; i++) {
            bytes += Encapsulated.align(bufferLengths[i]);
        }
        return bytes;
    }

    /** Writes the message of {@code rows} rows into {@link #message()} and returns its length in bytes. */
    int write(int rows) {
        int bodyLength = Math.toIntExact(bytes());
        int metadata = metadata(rows, bodyLength);
        int length = metadata + bodyLength;
        if (message.length < length) {
            message = new byte[Math.max(length, message.length + message.length / 2)];
        }
        Encapsulated.copyMetadata(builder, message, metadata);
        int position = metadata;
        for (int i = 0; i < buffers; i++) {
            System.arraycopy(bufferBytes[i], 0, message, position, bufferLengths[i]);
            int end = position + Encapsulated.align(bufferLengths[i]);
            Arrays.fill(message, position + bufferLengths[i], end, (byte) 0);
            position = end;
        }
        return length;
    }

    byte[] message() {
        return message;
    }

    private int metadata(int rows, int bodyLength) {
        builder.clear();
        // Flatbuffers grow downwards: vectors of structs are written from the last element to the first.
        RecordBatch.startNodesVector(builder, nodes);
        for (int i = nodes - 1; i >= 0; i--) {
            FieldNode.createFieldNode(builder, nodeRows[i], nodeNulls[i]);
        }
        int nodeVector = builder.endVector();
        RecordBatch.startBuffersVector(builder, buffers);
        int offset = bodyLength;
        for (int i = buffers - 1; i >= 0; i--) {
            offset -= Encapsulated.align(bufferLengths[i]);
            Buffer.createBuffer(builder, offset, bufferLengths[i]);
        }
        int bufferVector = builder.endVector();
        RecordBatch.startRecordBatch(builder);
        RecordBatch.addLength(builder, rows);
        RecordBatch.addNodes(builder, nodeVector);
        RecordBatch.addBuffers(builder, bufferVector);
        int batch = RecordBatch.endRecordBatch(builder);
        return Encapsulated.finish(builder, MessageHeader.RecordBatch, batch, bodyLength);
    }
}
