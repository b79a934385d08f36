package dev.flinktf.connector.transform;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.role.RoleSpec;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Gives a {@link TransformOperator} its task's mailbox. */
public final class TransformOperatorFactory extends AbstractStreamOperatorFactory<ArrowBatch>
        implements OneInputStreamOperatorFactory<ArrowBatch, ArrowBatch> {

    private static final long serialVersionUID = 1L;

    private final RoleSpec spec;

    public TransformOperatorFactory(RoleSpec spec) {
        this.spec = spec;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<ArrowBatch>> T createStreamOperator(
            StreamOperatorParameters<ArrowBatch> parameters) {
        return (T) new TransformOperator(parameters, spec);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return TransformOperator.class;
    }
}
