package dev.flinktf.connector.arrow;

import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.RecordBatch;

/** Walks through the nodes and buffers of a record batch, and keeps every access within the message. */
final class BatchReader {

    private final RecordBatch batch;
    private final byte[] message;
    private final int body;
    private int nodes;
    private int buffers;

    BatchReader(RecordBatch batch, byte[] message, int body) {
        this.batch = batch;
        this.message = message;
        this.body = body;
    }

    /** Where a buffer lies in {@link #bytes}. */
    record Slice(byte[] bytes, int offset, int length) {

        boolean isEmpty() {
            return length == 0;
        }

        int getInt(int index) {
            return (int) Bytes.INT.get(bytes, offset + (index << 2));
        }
    }

    /** The next field node. */
    FieldNode node(String column) {
        if (nodes == batch.nodesLength()) {
            throw new BatchFormatException(
                    "the batch has fewer columns than the agreed output; column '" + column + "' is missing");
        }
        return batch.nodes(nodes++);
    }

    /** The next buffer, of at least {@code least} bytes. */
    Slice buffer(String column, int least) {
        if (buffers == batch.buffersLength()) {
            throw mismatch(column, "a buffer is missing");
        }
        Buffer buffer = batch.buffers(buffers++);
        long start = body + buffer.offset();
        if (buffer.offset() < 0 || buffer.length() < 0 || start + buffer.length() > message.length) {
            throw mismatch(column, "a buffer lies outside of the message");
        }
        if (buffer.length() < least) {
            throw mismatch(column, "a buffer of " + buffer.length() + " bytes is shorter than " + least);
        }
        return new Slice(message, (int) start, (int) buffer.length());
    }

    void expectEnd() {
        if (nodes != batch.nodesLength() || buffers != batch.buffersLength()) {
            throw new BatchFormatException("the batch has more columns than the agreed output");
        }
    }

    static BatchFormatException mismatch(String column, String what) {
        return new BatchFormatException(
                "column '" + column + "' of the batch does not fit the agreed output type: " + what);
    }
}
