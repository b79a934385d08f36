package dev.flinktf.connector.sink;

import dev.flinktf.connector.protocol.Saved;

import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

import java.io.IOException;
import java.util.Collection;
import java.util.Comparator;

/** A writer's state: the last checkpoint that its role saved, and where. */
public final class SavedSerializer implements SimpleVersionedSerializer<Saved> {

    private static final int VERSION = 1;

    /** The state to go on from: after a change of parallelism there are several, and the newest counts. */
    public static Saved newest(Collection<Saved> states) {
        return states.stream().max(Comparator.comparingLong(Saved::checkpointId)).orElse(null);
    }

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(Saved saved) throws IOException {
        DataOutputSerializer output = new DataOutputSerializer(256);
        output.writeLong(saved.checkpointId());
        output.writeBoolean(saved.location() != null);
        if (saved.location() != null) {
            output.writeUTF(saved.location());
        }
        return output.getCopyOfBuffer();
    }

    @Override
    public Saved deserialize(int version, byte[] bytes) throws IOException {
        if (version != VERSION) {
            throw new IOException("unknown version " + version + " of the state of a flinktf sink");
        }
        DataInputDeserializer input = new DataInputDeserializer(bytes);
        return new Saved(input.readLong(), input.readBoolean() ? input.readUTF() : null);
    }
}
