package dev.flinktf.connector.sink;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.role.RoleSpec;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Gives a {@link TrainingOperator} its task's mailbox. */
public final class TrainingOperatorFactory extends AbstractStreamOperatorFactory<Void>
        implements OneInputStreamOperatorFactory<ArrowBatch, Void> {

    private static final long serialVersionUID = 1L;

    private final RoleSpec spec;

    public TrainingOperatorFactory(RoleSpec spec) {
        this.spec = spec;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Void>> T createStreamOperator(StreamOperatorParameters<Void> parameters) {
        return (T) new TrainingOperator(parameters, spec);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return TrainingOperator.class;
    }
}
