package dev.flinktf.connector.predict;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.table.data.RowData;

/** Gives a {@link PredictOperator} its task's mailbox. */
final class PredictOperatorFactory extends AbstractStreamOperatorFactory<RowData>
        implements OneInputStreamOperatorFactory<RowData, RowData> {

    private static final long serialVersionUID = 1L;

    private final PredictSpec spec;
    private final int[] features;
    private final KeptColumns kept;

    PredictOperatorFactory(PredictSpec spec, int[] features, KeptColumns kept) {
        this.spec = spec;
        this.features = features;
        this.kept = kept;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<RowData>> T createStreamOperator(StreamOperatorParameters<RowData> parameters) {
        return (T) new PredictOperator(parameters, spec, features, kept);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return PredictOperator.class;
    }
}
