package dev.flinktf.connector.arrow;

import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

import java.io.IOException;
import java.util.Arrays;

/** Target, rows, length, message. */
public final class ArrowBatchSerializer extends TypeSerializerSingleton<ArrowBatch> {

    public static final ArrowBatchSerializer INSTANCE = new ArrowBatchSerializer();

    private static final long serialVersionUID = 1L;

    /** Restores the serializer; there is one format. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<ArrowBatch> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public ArrowBatch createInstance() {
        return ArrowBatch.of(0, 0, new byte[0]);
    }

    @Override
    public ArrowBatch copy(ArrowBatch from) {
        return ArrowBatch.of(from.target(), from.rows(), Arrays.copyOf(from.message(), from.length()));
    }

    @Override
    public ArrowBatch copy(ArrowBatch from, ArrowBatch reuse) {
        return copy(from);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(ArrowBatch batch, DataOutputView target) throws IOException {
        target.writeInt(batch.target());
        target.writeInt(batch.rows());
        target.writeInt(batch.length());
        target.write(batch.message(), 0, batch.length());
    }

    @Override
    public ArrowBatch deserialize(DataInputView source) throws IOException {
        int subtask = source.readInt();
        int rows = source.readInt();
        byte[] message = new byte[source.readInt()];
        source.readFully(message);
        return ArrowBatch.of(subtask, rows, message);
    }

    @Override
    public ArrowBatch deserialize(ArrowBatch reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        target.writeInt(source.readInt());
        target.writeInt(source.readInt());
        int length = source.readInt();
        target.writeInt(length);
        target.write(source, length);
    }

    @Override
    public TypeSerializerSnapshot<ArrowBatch> snapshotConfiguration() {
        return new Snapshot();
    }
}
