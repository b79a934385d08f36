package dev.flinktf.connector.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.TestCluster;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class PredictOperatorTest {

    private static final int ROWS = 300_000;
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyRowHasItsOwnPredictionInOrder(boolean objectReuse) throws Exception {
        try (FakePredictors predictors = new FakePredictors(2, FakePredictors::sums)) {
            StreamExecutionEnvironment env = environment(2);
            if (objectReuse) {
                env.getConfig().enableObjectReuse();
            }
            StreamTableEnvironment tables = StreamTableEnvironment.create(env);
            numbers(tables);

            List<Row> rows = rows(predict(tables, Map.of("path", "/m")));

            assertInOrder(rows);
            assertThat(predictors.hellos()).allMatch(hello -> hello.at("/schema/columns").size() == 2);
        }
    }

    @Test
    void aRestoredJobPredictsEachRowOnceEvenWhereAnInstanceDies() throws Exception {
        FAILED.set(false);
        AtomicInteger requests = new AtomicInteger();
        FakePredictors.Model unsteady =
                request -> {
                    if (requests.incrementAndGet() % 1000 == 0) {
                        throw new EOFException("hangs up");
                    }
                    return FakePredictors.sums(request);
                };
        try (FakePredictors predictors = new FakePredictors(2, unsteady)) {
            StreamExecutionEnvironment env = environment(2);
            env.enableCheckpointing(50);
            Configuration restart = new Configuration();
            restart.setString("restart-strategy.type", "fixed-delay");
            restart.setString("restart-strategy.fixed-delay.delay", "0 s");
            env.configure(restart);
            StreamTableEnvironment tables = StreamTableEnvironment.create(env);
            tables.createTemporaryView(
                    "sequence",
                    env.fromSequence(1, ROWS)
                            .map(id -> {
                                if (id % 1000 == 0) {
                                    Thread.sleep(1);
                                }
                                if (id == ROWS / 2 && FAILED.compareAndSet(false, true)) {
                                    throw new IllegalStateException("the source fails, once");
                                }
                                return id;
                            })
                            .returns(Long.class));
            tables.executeSql(
                    "CREATE TEMPORARY VIEW numbers AS SELECT f0 AS id, CAST(f0 AS FLOAT) AS a, CAST(2 * f0 AS FLOAT) AS b "
                            + "FROM sequence");

            List<Row> rows = rows(predict(tables, Map.of("path", "/m")));

            assertThat(FAILED).isTrue();
            assertInOrder(rows);
        }
    }

    @Test
    void aWatermarkDoesNotOvertakeTheRowsBeforeIt() throws Exception {
        FakePredictors.Model slow =
                request -> {
                    Thread.sleep(5);
                    return FakePredictors.sums(request);
                };
        try (FakePredictors predictors = new FakePredictors(2, slow)) {
            StreamExecutionEnvironment env = environment(2);
            env.getConfig().setAutoWatermarkInterval(1);
            RowType type = (RowType) DataTypes.ROW(DataTypes.FIELD("id", DataTypes.BIGINT())).getLogicalType();
            RowType output = (RowType) DataTypes.ROW(DataTypes.FIELD("y", DataTypes.DOUBLE())).getLogicalType();
            DataStream<RowData> rows =
                    env.fromSequence(1, 20_000)
                            .assignTimestampsAndWatermarks(
                                    WatermarkStrategy.<Long>forMonotonousTimestamps().withTimestampAssigner((id, before) -> id))
                            .map(id -> (RowData) GenericRowData.of(id))
                            .returns(InternalTypeInfo.of(type));
            List<Long> seen = new ArrayList<>();
            try (CloseableIterator<Long> watermarks =
                    Prediction.of(rows, type, List.of(), output, Map.of("path", "/m", "batch.rows", "10"))
                            .process(new WatermarkBeforeEachRow())
                            .executeAndCollect()) {
                watermarks.forEachRemaining(seen::add);
            }

            assertThat(seen).hasSize(20_000);
            for (int i = 0; i < seen.size(); i++) {
                assertThat(seen.get(i)).isLessThan(i + 1);
            }
            // They are not held back until the end either.
            assertThat(seen.stream().distinct()).hasSizeGreaterThan(10);
        }
    }

    private static final class WatermarkBeforeEachRow extends ProcessFunction<RowData, Long> {
        private static final long serialVersionUID = 1L;

        @Override
        public void processElement(RowData row, Context context, Collector<Long> out) {
            out.collect(context.timerService().currentWatermark());
        }
    }

    @Test
    void aRefusedRecordFailsTheJob() throws Exception {
        try (FakePredictors predictors =
                new FakePredictors(1, request -> {
                    throw new IllegalStateException("no such signature");
                })) {
            StreamTableEnvironment tables = StreamTableEnvironment.create(environment(1));
            numbers(tables);

            assertThatThrownBy(() -> rows(predict(tables, Map.of("path", "/m"))))
                    .hasStackTraceContaining("The model '/m' of role 'predictor' failed, in predictor-0: IllegalStateException");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x   | y DOUBLE | path       | There is no column 'x' for the model to take; the columns are [id, a, b]",
                "a   | b DOUBLE | path       | The model adds a column 'b', and the table has one of that name",
                "a   | y DOUBLE | paht       | paht",
            })
    void wrongArgumentsAreNamed(String feature, String output, String option, String message) {
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment(1));
        numbers(tables);

        assertThatThrownBy(
                        () -> FlinkTF.predict(
                                tables, tables.from("numbers"), List.of(feature), output, Map.of(option, "/m")))
                .hasStackTraceContaining(message);
    }

    private static void assertInOrder(List<Row> rows) {
        assertThat(rows).hasSize(ROWS);
        for (int i = 0; i < ROWS; i++) {
            Row row = rows.get(i);
            if (row.<Long>getFieldAs("id") != i + 1 || row.<Double>getFieldAs("y") != 3.0 * (i + 1)) {
                throw new AssertionError(row + " at " + i);
            }
        }
    }

    private static Table predict(StreamTableEnvironment tables, Map<String, String> options) {
        return FlinkTF.predict(tables, tables.from("numbers"), List.of("a", "b"), "y DOUBLE", options);
    }

    private static StreamExecutionEnvironment environment(int replicas) {
        StreamExecutionEnvironment env = TestCluster.environment(Map.of("predictor", replicas));
        env.setParallelism(1);
        return env;
    }

    private static void numbers(StreamTableEnvironment tables) {
        tables.executeSql(
                "CREATE TABLE numbers (id BIGINT, a AS CAST(id AS FLOAT), b AS CAST(2 * id AS FLOAT)) WITH "
                        + "('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', "
                        + "'fields.id.end' = '" + ROWS + "', 'rows-per-second' = '10000000')");
    }

    private static List<Row> rows(Table table) throws Exception {
        List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> results = table.execute().collect()) {
            results.forEachRemaining(rows::add);
        }
        return rows;
    }
}
