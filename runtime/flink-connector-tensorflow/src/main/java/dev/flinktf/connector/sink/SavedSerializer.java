package dev.flinktf.connector.sink;

import dev.flinktf.connector.protocol.Saved;

import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

import java.io.IOException;
import java.util.Comparator;
import java.util.stream.StreamSupport;

/**
 * The state of an operator with a role: the last checkpoint that the role saved, and where.
 *
 * <p>What was not saved is not written: that fails the checkpoint, and no more. Flink writes state in the asynchronous
 * part of a snapshot, whose failures it tolerates; one in the synchronous part would fail the task.
 */
public final class SavedSerializer extends TypeSerializerSingleton<Saved> {

    public static final SavedSerializer INSTANCE = new SavedSerializer();

    private static final long serialVersionUID = 1L;

    /** Restores the serializer; there is one format. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Saved> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }

    /** The state to go on from: after a change of parallelism there are several, and the newest counts. */
    public static Saved newest(Iterable<Saved> states) {
        return StreamSupport.stream(states.spliterator(), false)
                .max(Comparator.comparingLong(Saved::checkpointId))
                .orElse(null);
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public Saved createInstance() {
        return new Saved(0, null);
    }

    @Override
    public Saved copy(Saved from) {
        return from;
    }

    @Override
    public Saved copy(Saved from, Saved reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Saved saved, DataOutputView target) throws IOException {
        if (saved.error() != null) {
            throw new IOException("the role did not save its model: " + saved.error());
        }
        target.writeLong(saved.checkpointId());
        target.writeBoolean(saved.location() != null);
        if (saved.location() != null) {
            target.writeUTF(saved.location());
        }
    }

    @Override
    public Saved deserialize(DataInputView source) throws IOException {
        return new Saved(source.readLong(), source.readBoolean() ? source.readUTF() : null);
    }

    @Override
    public Saved deserialize(Saved reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public TypeSerializerSnapshot<Saved> snapshotConfiguration() {
        return new Snapshot();
    }
}
