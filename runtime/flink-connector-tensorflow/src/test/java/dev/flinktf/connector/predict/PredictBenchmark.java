package dev.flinktf.connector.predict;

import static org.apache.flink.table.api.Expressions.$;

import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.TestCluster;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.GenericRowData;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Rows per second of predictions by a process that computes nothing, beside {@code datagen → blackhole}, for 10 FLOAT columns.
 * By hand: {@code mvn test-compile exec:java -Dexec.classpathScope=test
 * -Dexec.mainClass=dev.flinktf.connector.predict.PredictBenchmark}
 */
final class PredictBenchmark {

    private static final String COLUMNS =
            IntStream.range(0, 10).mapToObj(i -> "x" + i + " FLOAT").collect(Collectors.joining(", "));
    private static final String NAMES = COLUMNS.replace(" FLOAT", "");

    private interface Job {
        Table of(StreamTableEnvironment tables);
    }

    private PredictBenchmark() {}

    public static void main(String[] args) throws Exception {
        FakePredictors.Model nothing =
                request -> request.rows().stream().map(row -> GenericRowData.of(row.getField(0), null)).toList();
        try (FakePredictors predictors = new FakePredictors(1, nothing)) {
            double alone = run("datagen → blackhole", 2_000_000, 10, tables -> tables.from("source").select(
                    $("x0")), 0);
            for (int capacity : new int[] {10, 4_096}) {
                run("ML_PREDICT, " + capacity + " at once", capacity == 10 ? 20_000 : 1_000_000, capacity,
                        tables -> tables.sqlQuery(
                                "SELECT y FROM ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(" + NAMES + "))"), alone);
            }
            run("FlinkTF.predict", 2_000_000, 10, tables -> FlinkTF.predict(
                    tables, tables.from("source"), List.of(), "y FLOAT", Map.of("path", "/m")).select(
                    $("y")), alone);
            run("FlinkTF.predict, 8192 rows a batch", 2_000_000, 10, tables -> FlinkTF.predict(
                    tables, tables.from("source"), List.of(), "y FLOAT", Map.of("path", "/m", "batch.rows", "8192")).select(
                    $("y")), alone);
        }
    }

    private static double run(String name, int rows, int capacity, Job job, double alone) throws Exception {
        double best = 0;
        for (int round = 0; round < 3; round++) {
            StreamExecutionEnvironment env = TestCluster.environment(Map.of("predictor", 1));
            env.setParallelism(1);
            StreamTableEnvironment tables = StreamTableEnvironment.create(env);
            tables.getConfig().set("table.exec.async-ml-predict.max-concurrent-operations", "" + capacity);
            tables.executeSql(
                    "CREATE TABLE source (" + COLUMNS + ") WITH ('connector' = 'datagen', 'number-of-rows' = '" + rows
                            + "', 'rows-per-second' = '1000000000')");
            tables.executeSql(
                    "CREATE MODEL m INPUT (" + COLUMNS + ") OUTPUT (y FLOAT) WITH ('provider' = 'tensorflow', 'path' = '/m')");
            tables.executeSql("CREATE TABLE sink (y FLOAT) WITH ('connector' = 'blackhole')");
            long started = System.nanoTime();
            TableResult result = job.of(tables).executeInsert("sink");
            result.await();
            best = Math.max(best, rows / ((System.nanoTime() - started) / 1e9));
        }
        System.out.printf("%-36s %9.0f rows/s %5.2f%n", name, best, alone == 0 ? 1 : best / alone);
        return best;
    }
}
