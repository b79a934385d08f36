package dev.flinktf.connector.predict;

import static org.apache.flink.table.api.config.MLPredictRuntimeConfigOptions.ASYNC_MAX_CONCURRENT_OPERATIONS;

import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.AsyncPredictRuntimeProvider;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;

/** Where both are offered, Flink takes the asynchronous function, unless {@code MAP['async', 'false']} says otherwise. */
final class TensorFlowModelProvider implements AsyncPredictRuntimeProvider, PredictRuntimeProvider {

    private final PredictSpec spec;
    private final int capacity;

    /** @param capacity how many rows of a subtask may be on their way, unless ML_PREDICT says otherwise itself */
    TensorFlowModelProvider(PredictSpec spec, int capacity) {
        this.spec = spec;
        this.capacity = capacity;
    }

    /**
     * A batch has half of the rows that may be on their way: one is full, and leaves at once, while another one is answered. A
     * larger one would never be full, and would have to wait until it is plain that no more rows come.
     */
    @Override
    public AsyncPredictFunction createAsyncPredictFunction(Context context) {
        int rows = context.runtimeConfig().getOptional(ASYNC_MAX_CONCURRENT_OPERATIONS).orElse(capacity);
        return new PredictRows(spec.withBatchesOf(Math.max(1, rows / 2)));
    }

    @Override
    public PredictFunction createPredictFunction(Context context) {
        return new PredictRow(spec.withBatchesOf(1));
    }

    @Override
    public ModelProvider copy() {
        return new TensorFlowModelProvider(spec, capacity);
    }
}
