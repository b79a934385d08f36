package dev.flinktf.connector.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.TestCluster;
import dev.flinktf.connector.predict.FakePredictors.Request;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class MLPredictTest {

    private static final int ROWS = 100_000;
    private static final List<Long> IDS = LongStream.rangeClosed(1, ROWS).boxed().toList();
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @Test
    void everyRowHasItsOwnPredictionInOrder() throws Exception {
        try (FakePredictors predictors = new FakePredictors(2, FakePredictors::sums)) {
            StreamTableEnvironment tables = tables(2, 1);
            numbers(tables, ROWS);
            model(tables, "m", "");

            List<Row> rows = rows(tables, predict("m"));

            assertThat(rows).hasSize(ROWS);
            assertThat(idsOf(rows).equals(IDS)).isTrue();
            assertThat(rows).allMatch(row -> row.getField(1).equals(3.0 * row.<Long>getFieldAs(0)));
            assertThat(predictors.hellos()).hasSize(2).allSatisfy(hello -> assertThat(hello.toString()).contains(
                    "\"job\":\"wine\"", "\"mode\":\"predict\"", "\"path\":\"/models/m\",\"signature\":null",
                    "{\"name\":\"y\",\"type\":\"DOUBLE\",\"nullable\":true},{\"name\":\"error\",\"type\":\"VARCHAR(2147483647)\""));
            // Far fewer than rows, and not one after the other.
            assertThat(predictors.batches().size()).isLessThan(ROWS / 20);
            assertThat(predictors.batches()).allMatch(size -> size <= 1024);
        }
    }

    @Test
    void severalSubtasksAndModelsInOneJob() throws Exception {
        FakePredictors.Model byPath =
                request -> {
                    List<GenericRowData> outputs = FakePredictors.sums(request);
                    if (request.path().endsWith("negative")) {
                        outputs.forEach(row -> row.setField(0, -(Double) row.getField(0)));
                    }
                    return outputs;
                };
        try (FakePredictors predictors = new FakePredictors(2, byPath)) {
            StreamTableEnvironment tables = tables(2, 2);
            numbers(tables, ROWS);
            model(tables, "positive", "");
            model(tables, "negative", "'batch.rows' = '100', 'option.warm-up' = 'no', 'not-finite' = 'reject'");
            tables.executeSql(
                    "CREATE TEMPORARY VIEW once AS SELECT id, a, b, y AS y1 FROM "
                            + "ML_PREDICT(TABLE numbers, MODEL positive, DESCRIPTOR(a, b))");

            List<Row> rows =
                    rows(tables, "SELECT id, y1, y FROM ML_PREDICT(TABLE once, MODEL negative, DESCRIPTOR(b, a))");

            assertThat(rows).hasSize(ROWS);
            assertThat(rows.stream().map(row -> row.getFieldAs(0)).distinct()).hasSize(ROWS);
            assertThat(rows).allMatch(row -> row.<Double>getFieldAs(1) + row.<Double>getFieldAs(2) == 0);
            assertThat(predictors.hellos()).anyMatch(hello -> hello.at("/model/options").toString()
                    .equals("{\"not-finite\":\"reject\",\"warm-up\":\"no\"}"));
        }
    }

    @Test
    void synchronouslyToo() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 1_000);
            model(tables, "m", "");

            List<Row> rows =
                    rows(tables, "SELECT id, y FROM ML_PREDICT(TABLE numbers, MODEL m, DESCRIPTOR(a, b), "
                            + "MAP['async', 'false'])");

            assertThat(rows).hasSize(1_000).allMatch(row -> row.getField(1).equals(3.0 * row.<Long>getFieldAs(0)));
            assertThat(predictors.batches()).containsOnly(1);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ''                                       | 32
            , MAP['max-concurrent-operations', '20'] | 10
            , MAP['max-concurrent-operations', '1']  | 1
            """)
    void batchesAreFullBeforeFlinkHoldsRowsBack(String config, int full) throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            StreamTableEnvironment tables = tables(1, 1);
            tables.getConfig().set("table.exec.async-ml-predict.max-concurrent-operations", "64");
            numbers(tables, 1_000);
            model(tables, "m", "");

            List<Row> rows =
                    rows(tables, "SELECT id, y FROM ML_PREDICT(TABLE numbers, MODEL m, DESCRIPTOR(a, b)" + config + ")");

            assertThat(rows).hasSize(1_000).allMatch(row -> row.getField(1).equals(3.0 * row.<Long>getFieldAs(0)));
            assertThat(predictors.batches()).contains(full).allMatch(size -> size <= full);
        }
    }

    @Test
    void nullsTravelBothWays() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            StreamTableEnvironment tables = tables(1, 1);
            tables.executeSql(
                    "CREATE TEMPORARY VIEW numbers AS SELECT * FROM (VALUES (CAST(1 AS BIGINT), CAST(1 AS FLOAT), "
                            + "CAST(2 AS FLOAT)), (2, CAST(NULL AS FLOAT), CAST(2 AS FLOAT))) AS t(id, a, b)");
            model(tables, "m", "");

            assertThat(rows(tables, predict("m"))).containsExactlyInAnyOrder(Row.of(1L, 3.0), Row.of(2L, null));
        }
    }

    @Test
    void otherNumbersThanTheModelsAreConverted() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            StreamTableEnvironment tables = tables(1, 1);
            tables.executeSql(
                    "CREATE TEMPORARY VIEW numbers AS SELECT * FROM (VALUES (CAST(1 AS BIGINT), 1, CAST(2 AS SMALLINT))) "
                            + "AS t(id, a, b)");
            model(tables, "m", "");

            assertThat(rows(tables, predict("m"))).containsExactly(Row.of(1L, 3.0));
        }
    }

    @Test
    void whatWasOnItsWayToAnInstanceThatDiesIsSentToAnother() throws Exception {
        AtomicReference<FakePredictors> processes = new AtomicReference<>();
        CountDownLatch dead = new CountDownLatch(1);
        FakePredictors.Model dying =
                request -> {
                    if (request.instance() == 0 && request.rows().size() > 10) {
                        processes.get().stop(0);
                        dead.countDown();
                        throw new EOFException("dies");
                    }
                    if (request.instance() == 1) {
                        // Else it may have answered all alone.
                        dead.await();
                    }
                    return FakePredictors.sums(request);
                };
        try (FakePredictors predictors = new FakePredictors(2, dying)) {
            processes.set(predictors);
            StreamTableEnvironment tables = tables(2, 1);
            numbers(tables, ROWS);
            model(tables, "m", "'batch.rows' = '100'");

            List<Row> rows = rows(tables, predict("m"));

            assertThat(idsOf(rows).equals(IDS)).isTrue();
            assertThat(rows).allMatch(row -> row.getField(1).equals(3.0 * row.<Long>getFieldAs(0)));
        }
    }

    @Test
    void theOnlyInstanceIsWaitedForWhileItRestarts() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        FakePredictors.Model model =
                request -> {
                    begun.countDown();
                    return FakePredictors.sums(request);
                };
        try (FakePredictors predictors = new FakePredictors(1, model)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, ROWS);
            model(tables, "m", "");
            Thread restart =
                    PredictClient.thread(
                            "restart",
                            () -> {
                                try {
                                    begun.await();
                                    predictors.stop(0);
                                    Thread.sleep(500);
                                    predictors.startAgain(0);
                                } catch (Exception error) {
                                    throw new AssertionError(error);
                                }
                            });
            restart.start();

            List<Row> rows = rows(tables, predict("m"));

            restart.join();
            assertThat(idsOf(rows).equals(IDS)).isTrue();
        }
    }

    @Test
    void aRefusedRecordFailsTheJob() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, MLPredictTest::refusing)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 100);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining(
                            "The model '/models/m' of role 'predictor' failed, in predictor-0: a record was refused: 7 is odd");
        }
    }

    @Test
    void aRefusedRecordIsNull() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, MLPredictTest::refusing)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 100);
            model(tables, "m", "'on-error' = 'null'");
            tables.executeSql(
                    "CREATE MODEL telling INPUT (a FLOAT, b FLOAT) OUTPUT (error STRING, y DOUBLE) WITH "
                            + "('provider' = 'tensorflow', 'path' = '/models/m', 'on-error' = 'null')");

            assertThat(rows(tables, predict("m"))).hasSize(100).contains(Row.of(7L, null), Row.of(8L, 24.0));
            assertThat(rows(tables, "SELECT id, y, error FROM ML_PREDICT(TABLE numbers, MODEL telling, DESCRIPTOR(a, b))"))
                    .contains(Row.of(7L, null, "7 is odd"), Row.of(8L, 24.0, null));
        }
    }

    @Test
    void theServerTellsTheVersionWhereItIsAskedFor() throws Exception {
        FakePredictors.Model versions =
                request -> request.rows().stream()
                        .map(row -> GenericRowData.of(1.5, 7L, null))
                        .toList();
        try (FakePredictors predictors = new FakePredictors(1, versions)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 1);
            tables.executeSql(
                    "CREATE MODEL m INPUT (a FLOAT, b FLOAT) OUTPUT (y DOUBLE, model_version BIGINT NOT NULL) WITH "
                            + "('provider' = 'tensorflow', 'path' = '/models/m')");

            assertThat(rows(tables, "SELECT y, model_version FROM ML_PREDICT(TABLE numbers, MODEL m, DESCRIPTOR(a, b))"))
                    .containsExactly(Row.of(1.5, 7L));
        }
    }

    @Test
    void anAnswerWithAnotherNumberOfRowsIsNone() throws Exception {
        FakePredictors.Model short_ = request -> FakePredictors.sums(request).subList(1, request.rows().size());
        try (FakePredictors predictors = new FakePredictors(1, short_)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 1);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("in predictor-0: it answered 0 rows, where 1 were asked");
        }
    }

    @Test
    void aFailureOfTheModelFailsTheJobAtOnce() throws Exception {
        FakePredictors.Model failing =
                request -> {
                    throw new IllegalStateException("no such signature");
                };
        try (FakePredictors predictors = new FakePredictors(2, failing)) {
            StreamTableEnvironment tables = tables(2, 1);
            numbers(tables, ROWS);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("IllegalStateException: no such signature");
        }
    }

    @Test
    void anAnswerThatIsLateNamesRolePathAndTime() throws Exception {
        FakePredictors.Model late =
                request -> {
                    Thread.sleep(60_000);
                    return FakePredictors.sums(request);
                };
        try (FakePredictors predictors = new FakePredictors(1, late)) {
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 10);
            model(tables, "m", "'timeout' = '1 s'");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining(
                            "The model '/models/m' of role 'predictor' has not answered within 1 s ('timeout'): predictor-0 at ");
        }
    }

    @Test
    void anInstanceThatIsNotThereIsWaitedForUntilTheTimeout() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            predictors.stop(0);
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 10);
            model(tables, "m", "'timeout' = '1500 ms'");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("has not answered within 1.5 s ('timeout'): predictor-0 is Failed");
        }
    }

    @Test
    void aJobWithoutTheRoleSaysWhatToAdd() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            predictors.rename("worker");
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 10);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("the FlinkTFJob has no predictor-0; its roles are [worker]")
                    .hasStackTraceContaining("'entrypoint: flinktf.serving:serve'");
        }
    }

    @Test
    void aWrongTokenIsNotShown() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            predictors.environment("another");
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 10);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("does not know the token in target/token (FLINKTF_TOKEN_FILE)")
                    .satisfies(error -> assertThat(error).hasNoSuppressedExceptions())
                    .satisfies(error -> assertThat(error.toString()).doesNotContain("another"));
        }
    }

    @Test
    void aServerThatDoesNotKnowTheTokenIsNotAskedAgain() throws Exception {
        try (FakePredictors predictors = new FakePredictors(1, FakePredictors::sums)) {
            predictors.requireToken("another");
            StreamTableEnvironment tables = tables(1, 1);
            numbers(tables, 10);
            model(tables, "m", "");

            assertThatThrownBy(() -> rows(tables, predict("m")))
                    .hasStackTraceContaining("in predictor-0: Unauthorized: the token is wrong");
        }
    }

    @Test
    void aRestoredJobPredictsEachRowOnce() throws Exception {
        FAILED.set(false);
        try (FakePredictors predictors = new FakePredictors(2, FakePredictors::sums)) {
            StreamExecutionEnvironment env = environment(2, 1);
            env.enableCheckpointing(50);
            Configuration restart = new Configuration();
            restart.setString("restart-strategy.type", "fixed-delay");
            restart.setString("restart-strategy.fixed-delay.delay", "0 s");
            env.configure(restart);
            StreamTableEnvironment tables = StreamTableEnvironment.create(env);
            tables.getConfig().set("table.exec.async-ml-predict.max-concurrent-operations", "2000");
            tables.createTemporaryView(
                    "sequence",
                    env.fromSequence(1, ROWS)
                            .map(id -> {
                                if (id % 100 == 0) {
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
            model(tables, "m", "");

            List<Row> rows = rows(tables, predict("m"));

            assertThat(FAILED).isTrue();
            assertThat(idsOf(rows).equals(IDS)).isTrue();
            assertThat(rows).allMatch(row -> row.getField(1).equals(3.0 * row.<Long>getFieldAs(0)));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'signature' = 'x'                           | path",
                "'path' = ' '                                | 'path' is missing",
                "'path' = '/m', 'batch.rows' = '0'           | 'batch.rows' is 0; it must be at least 1",
                "'path' = '/m', 'batch.bytes' = '1 gb'       | 'batch.bytes' is 1 gb; it must be between 1 byte and 16 mb",
                "'path' = '/m', 'timeout' = '0 s'            | 'timeout' must be at least 1 ms",
                "'path' = '/m', 'on-error' = 'ignore'        | on-error",
                "'path' = '/m', 'bacth.rows' = '1'           | bacth.rows",
                "'path' = '/m', 'role' = 'scorer'            | There is no role 'scorer' to serve the model; the FlinkTFJob has the roles [predictor]",
            })
    void wrongOptionsAreNamed(String options, String message) {
        StreamTableEnvironment tables = tables(1, 1);
        numbers(tables, 1);
        tables.executeSql(
                "CREATE MODEL m INPUT (a FLOAT, b FLOAT) OUTPUT (y DOUBLE) WITH ('provider' = 'tensorflow', " + options + ")");

        assertThatThrownBy(() -> tables.explainSql(predict("m"))).hasStackTraceContaining(message);
    }

    @Test
    void columnsThatDoNotFitAreNamed() {
        StreamTableEnvironment tables = tables(1, 1);
        numbers(tables, 1);
        tables.executeSql(
                "CREATE MODEL maps INPUT (a FLOAT, b FLOAT) OUTPUT (y MAP<STRING, INT>) WITH "
                        + "('provider' = 'tensorflow', 'path' = '/m')");
        tables.executeSql(
                "CREATE MODEL strict INPUT (a FLOAT, b FLOAT) OUTPUT (y DOUBLE NOT NULL) WITH "
                        + "('provider' = 'tensorflow', 'path' = '/m', 'on-error' = 'null')");

        assertThatThrownBy(() -> tables.explainSql("SELECT id FROM ML_PREDICT(TABLE numbers, MODEL maps, DESCRIPTOR(a, b))"))
                .hasStackTraceContaining("Column 'y' is MAP<STRING, INT>, which does not become a tensor");
        assertThatThrownBy(() -> tables.explainSql(predict("strict")))
                .hasStackTraceContaining("Output 'y' is NOT NULL, but 'on-error' = 'null'");
    }

    private static List<GenericRowData> refusing(Request request) {
        List<GenericRowData> outputs = FakePredictors.sums(request);
        for (int i = 0; i < outputs.size(); i++) {
            int a = ((Number) request.rows().get(i).getField(0)).intValue();
            if (a % 7 == 0 && a % 2 == 1) {
                outputs.set(i, GenericRowData.of(null, StringData.fromString(a + " is odd")));
            }
        }
        return outputs;
    }

    private static List<Long> idsOf(List<Row> rows) {
        return rows.stream().map(row -> row.<Long>getFieldAs(0)).toList();
    }

    private static StreamExecutionEnvironment environment(int replicas, int parallelism) {
        StreamExecutionEnvironment env = TestCluster.environment(Map.of("predictor", replicas));
        env.setParallelism(parallelism);
        return env;
    }

    private static StreamTableEnvironment tables(int replicas, int parallelism) {
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment(replicas, parallelism));
        tables.getConfig().set("table.exec.async-ml-predict.max-concurrent-operations", "2000");
        return tables;
    }

    /** {@code numbers (id BIGINT, a FLOAT, b FLOAT)}: a is the id, b is twice that. */
    private static void numbers(StreamTableEnvironment tables, int rows) {
        tables.executeSql(
                "CREATE TABLE numbers (id BIGINT, a AS CAST(id AS FLOAT), b AS CAST(2 * id AS FLOAT)) WITH "
                        + "('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', "
                        + "'fields.id.end' = '" + rows + "', 'rows-per-second' = '10000000')");
    }

    private static void model(StreamTableEnvironment tables, String name, String options) {
        tables.executeSql(
                String.format(
                        "CREATE MODEL %s INPUT (a FLOAT, b FLOAT) OUTPUT (y DOUBLE) WITH "
                                + "('provider' = 'tensorflow', 'path' = '/models/%s'%s%s)",
                        name, name, options.isEmpty() ? "" : ", ", options));
    }

    private static String predict(String model) {
        return "SELECT id, y FROM ML_PREDICT(TABLE numbers, MODEL " + model + ", DESCRIPTOR(a, b))";
    }

    private static List<Row> rows(StreamTableEnvironment tables, String query) throws Exception {
        List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> results = tables.executeSql(query).collect()) {
            results.forEachRemaining(rows::add);
        }
        return rows;
    }
}
