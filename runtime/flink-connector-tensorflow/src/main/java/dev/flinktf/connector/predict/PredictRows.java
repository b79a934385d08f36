package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.util.IOUtils;

import java.util.Collection;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;

/**
 * ML_PREDICT: a future for each row, completed by the thread that reads the answer to the row's batch.
 * Flink generates code that calls it.
 */
public final class PredictRows extends AsyncPredictFunction {

    private static final long serialVersionUID = 1L;

    private final PredictSpec spec;

    private transient PredictClient client;
    private transient Widening widening;
    private transient Batch last;
    private transient int rows;

    PredictRows(PredictSpec spec) {
        this.spec = spec;
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        widening = new Widening(spec.input());
        client = PredictClient.open(spec, context.getMetricGroup());
    }

    @Override
    public CompletableFuture<Collection<RowData>> asyncPredict(RowData row) {
        Batch batch = client.append(widening.widen((GenericRowData) row));
        if (batch != last) {
            last = batch;
            rows = 0;
        }
        int index = rows++;
        return batch.outcome().thenApply(outputs -> Collections.singletonList(outputs.get(index)));
    }

    @Override
    public void close() {
        IOUtils.closeQuietly(client);
    }
}
