package dev.flinktf.connector.predict;

import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.AsyncPredictRuntimeProvider;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;

/** Where both are offered, Flink takes the asynchronous function, unless {@code MAP['async', 'false']} says otherwise. */
final class TensorFlowModelProvider implements AsyncPredictRuntimeProvider, PredictRuntimeProvider {

    private final PredictSpec spec;

    TensorFlowModelProvider(PredictSpec spec) {
        this.spec = spec;
    }

    @Override
    public AsyncPredictFunction createAsyncPredictFunction(Context context) {
        return new PredictRows(spec);
    }

    @Override
    public PredictFunction createPredictFunction(Context context) {
        return new PredictRow(spec);
    }

    @Override
    public ModelProvider copy() {
        return new TensorFlowModelProvider(spec);
    }
}
