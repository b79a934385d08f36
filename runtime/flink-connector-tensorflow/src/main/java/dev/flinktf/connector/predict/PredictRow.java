package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.util.FlinkRuntimeException;
import org.apache.flink.util.IOUtils;

import java.util.Collection;
import java.util.concurrent.ExecutionException;

/** ML_PREDICT with {@code MAP['async', 'false']}: waits for the answer to each row. Flink generates code that calls it. */
public final class PredictRow extends PredictFunction {

    private static final long serialVersionUID = 1L;

    private final PredictSpec spec;

    private transient PredictClient client;
    private transient Widening widening;

    PredictRow(PredictSpec spec) {
        this.spec = spec;
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        widening = new Widening(spec.input());
        client = PredictClient.open(spec, context.getMetricGroup());
    }

    @Override
    public Collection<RowData> predict(RowData row) {
        try {
            return client.append(widening.widen((GenericRowData) row)).outcome().get();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new FlinkRuntimeException("interrupted while waiting for the " + spec.model(), error);
        } catch (ExecutionException error) {
            throw new FlinkRuntimeException(error.getCause());
        }
    }

    @Override
    public void close() {
        IOUtils.closeQuietly(client);
    }
}
