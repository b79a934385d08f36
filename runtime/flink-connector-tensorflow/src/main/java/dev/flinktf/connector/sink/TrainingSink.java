package dev.flinktf.connector.sink;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.protocol.Saved;
import dev.flinktf.connector.role.RoleSpec;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

import java.io.IOException;
import java.util.Collection;
import java.util.List;

/** Feeds a role. Its state is where the role saved its model for the last checkpoint. */
public final class TrainingSink implements Sink<ArrowBatch>, SupportsWriterState<ArrowBatch, Saved> {

    private static final long serialVersionUID = 1L;

    private final RoleSpec spec;

    public TrainingSink(RoleSpec spec) {
        this.spec = spec;
    }

    /** Returns when the role's TensorFlow cluster has formed. */
    @Override
    public StatefulSinkWriter<ArrowBatch, Saved> createWriter(WriterInitContext context) throws IOException {
        return restoreWriter(context, List.of());
    }

    @Override
    public StatefulSinkWriter<ArrowBatch, Saved> restoreWriter(
            WriterInitContext context, Collection<Saved> states) throws IOException {
        return TrainingWriter.open(spec, context, SavedSerializer.newest(states));
    }

    @Override
    public SimpleVersionedSerializer<Saved> getWriterStateSerializer() {
        return new SavedSerializer();
    }
}
