package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.util.IOUtils;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * ML_PREDICT: a future for each row, completed by the thread that reads the answer to the row's batch.
 * Flink generates code that calls it.
 */
public final class PredictRows extends AsyncPredictFunction {

    private static final long serialVersionUID = 1L;

    private final PredictSpec spec;

    private transient PredictClient<CompletableFuture<Collection<RowData>>> client;
    private transient Widening widening;
    private transient Batch<CompletableFuture<Collection<RowData>>> last;

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
        CompletableFuture<Collection<RowData>> future = new CompletableFuture<>();
        Batch<CompletableFuture<Collection<RowData>>> batch = client.append(widening.widen((GenericRowData) row), future);
        if (batch != last) {
            last = batch;
            batch.outcome().whenComplete((rows, error) -> complete(batch.tags(), rows, error));
        }
        return future;
    }

    private static void complete(
            List<CompletableFuture<Collection<RowData>>> futures, List<RowData> rows, Throwable error) {
        for (int i = 0; i < futures.size(); i++) {
            if (error == null) {
                futures.get(i).complete(Collections.singletonList(rows.get(i)));
            } else {
                futures.get(i).completeExceptionally(error);
            }
        }
    }

    @Override
    public void close() {
        IOUtils.closeQuietly(client);
    }
}
