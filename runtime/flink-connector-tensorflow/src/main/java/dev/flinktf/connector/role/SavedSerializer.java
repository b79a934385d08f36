package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Saved;

import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

import java.io.IOException;

/**
 * Writes {@link SavedState}.
 *
 * <p>What was not saved is not written: that fails the checkpoint, and no more. Flink writes state in the asynchronous
 * part of a snapshot, whose failures it tolerates; one in the synchronous part would fail the task.
 */
final class SavedSerializer extends TypeSerializerSingleton<SavedState.Entry> {

    static final SavedSerializer INSTANCE = new SavedSerializer();

    private static final long serialVersionUID = 1L;

    /** Restores the serializer; there is one format. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<SavedState.Entry> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public SavedState.Entry createInstance() {
        return new SavedState.Entry(0, new Saved(0, null));
    }

    @Override
    public SavedState.Entry copy(SavedState.Entry from) {
        return from;
    }

    @Override
    public SavedState.Entry copy(SavedState.Entry from, SavedState.Entry reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(SavedState.Entry entry, DataOutputView target) throws IOException {
        Saved saved = entry.saved();
        if (saved.error() != null) {
            throw new IOException("the role did not save its model: " + saved.error());
        }
        target.writeInt(entry.subtask());
        target.writeLong(saved.checkpointId());
        target.writeBoolean(saved.location() != null);
        if (saved.location() != null) {
            target.writeUTF(saved.location());
        }
    }

    @Override
    public SavedState.Entry deserialize(DataInputView source) throws IOException {
        int subtask = source.readInt();
        return new SavedState.Entry(
                subtask, new Saved(source.readLong(), source.readBoolean() ? source.readUTF() : null));
    }

    @Override
    public SavedState.Entry deserialize(SavedState.Entry reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public TypeSerializerSnapshot<SavedState.Entry> snapshotConfiguration() {
        return new Snapshot();
    }
}
