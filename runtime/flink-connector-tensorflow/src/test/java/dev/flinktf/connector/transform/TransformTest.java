package dev.flinktf.connector.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.FakeAgent;
import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.TestCluster;
import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowEncoder;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameType;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TransformTest {

    private static final RowType INPUT =
            (RowType) DataTypes.ROW(DataTypes.FIELD("id", DataTypes.BIGINT())).getLogicalType();

    private static final RowType OUTPUT =
            (RowType)
                    DataTypes.ROW(
                                    DataTypes.FIELD("id", DataTypes.BIGINT()),
                                    DataTypes.FIELD("half", DataTypes.DOUBLE()))
                            .getLogicalType();

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @Test
    void everyRowComesBackInTheOrderOfItsSubtask() throws Exception {
        try (FakeAgent agent = new FakeAgent(scoring())) {
            StreamExecutionEnvironment env = environment(1);
            // Far more than queues and socket buffers hold: sending and receiving have to go on side by side.
            List<Long> ids = ids(env, transform(env, 300_000));

            assertThat(agent.errors()).isEmpty();
            assertThat(ids.equals(LongStream.rangeClosed(1, 300_000).boxed().toList())).isTrue();
            assertThat(agent.peers().get(0).hello().toString())
                    .contains("\"mode\":\"transform\"", "{\"name\":\"half\",\"type\":\"DOUBLE\",\"nullable\":true}");
        }
    }

    @Test
    void resultsOfBeforeABarrierAreEmittedBeforeIt() throws Exception {
        try (FakeAgent agent = new FakeAgent(scoring())) {
            StreamExecutionEnvironment env = environment(2);
            env.enableCheckpointing(50);
            List<Long> ids = ids(env, transform(env, 300_000));

            assertThat(agent.errors()).isEmpty();
            assertThat(ids).hasSize(300_000).doesNotHaveDuplicates();
            assertThat(agent.peers()).hasSize(2).allSatisfy(peer -> assertThat(peer.barriers()).isNotEmpty());
        }
    }

    @Test
    void aRoleThatHoldsItsResultsBackUntilTheBarrierIsWaitedFor() throws Exception {
        FakeAgent.Script hoarding =
                peer -> {
                    peer.ready();
                    List<byte[]> held = new ArrayList<>();
                    for (Frame frame = peer.read(); ; frame = peer.read()) {
                        if (frame.type() == FrameType.DATA) {
                            held.add(score(peer.decode(frame, INPUT)));
                            continue;
                        }
                        for (byte[] result : held) {
                            peer.send(FrameType.RESULT, result);
                        }
                        held.clear();
                        if (frame.type() == FrameType.END) {
                            peer.done();
                            return;
                        }
                        peer.saved(frame);
                    }
                };
        try (FakeAgent agent = new FakeAgent(hoarding)) {
            StreamExecutionEnvironment env = environment(2);
            env.enableCheckpointing(50);

            assertThat(ids(env, transform(env, 100_000))).hasSize(100_000).doesNotHaveDuplicates();
        }
    }

    @Test
    void aFailureEndsTheJob() throws Exception {
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            peer.ready();
                            peer.expect(FrameType.DATA);
                            peer.send(
                                    FrameType.FAILED,
                                    "{\"type\":\"KeyError\",\"message\":\"serving_default\",\"traceback\":\"in load\"}");
                        })) {
            StreamExecutionEnvironment env = environment(2);

            assertThatThrownBy(() -> ids(env, transform(env, 1_000_000)))
                    .hasStackTraceContaining("failed: KeyError: serving_default");
        }
    }

    @Test
    void aResultOfOtherColumnsNamesRoleAndColumn() throws Exception {
        FakeAgent.Script wrong =
                peer -> {
                    peer.ready();
                    Frame frame = peer.expect(FrameType.DATA);
                    peer.send(FrameType.RESULT, frame.payload());
                    peer.hang();
                };
        try (FakeAgent agent = new FakeAgent(wrong)) {
            StreamExecutionEnvironment env = environment(1);

            assertThatThrownBy(() -> ids(env, transform(env, 10)))
                    .hasStackTraceContaining("A result of role 'scorer'")
                    .hasStackTraceContaining("column 'half' is missing");
        }
    }

    @Test
    void tablesGoThroughARoleToo() throws Exception {
        try (FakeAgent agent = new FakeAgent(scoring())) {
            StreamExecutionEnvironment env = environment(2);
            StreamTableEnvironment tables = StreamTableEnvironment.create(env);
            Table input = tables.sqlQuery("SELECT CAST(id AS BIGINT) AS id FROM (VALUES (1), (2), (3)) AS t(id)");

            Table scored =
                    FlinkTF.transform(tables, input, "id BIGINT, half DOUBLE", "scorer", Map.of("batch.rows", "1"));
            tables.createTemporaryView("scored", scored);

            assertThat(collect(tables.sqlQuery("SELECT id, half + 1 AS more FROM scored WHERE id > 1")))
                    .containsExactlyInAnyOrder(Row.of(2L, 2.0), Row.of(3L, 2.5));
        }
    }

    private static List<Row> collect(Table table) throws Exception {
        List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> iterator = table.execute().collect()) {
            iterator.forEachRemaining(rows::add);
        }
        return rows;
    }

    /** Answers every batch with one of ids and their halves. */
    private static FakeAgent.Script scoring() {
        return peer -> {
            peer.ready();
            for (Frame frame = peer.read(); frame.type() != FrameType.END; frame = peer.read()) {
                if (frame.type() == FrameType.DATA) {
                    peer.send(FrameType.RESULT, score(peer.decode(frame, INPUT)));
                } else {
                    peer.saved(frame);
                }
            }
            peer.done();
        };
    }

    private static byte[] score(List<RowData> rows) {
        ArrowEncoder encoder = new ArrowEncoder(OUTPUT, new ArrowEncoder.Output());
        rows.forEach(row -> encoder.append(GenericRowData.of(row.getLong(0), row.getLong(0) / 2.0)));
        ArrowBatch batch = encoder.encode(0);
        return Arrays.copyOf(batch.message(), batch.length());
    }

    private static StreamExecutionEnvironment environment(int replicas) {
        return TestCluster.environment(Map.of("scorer", replicas));
    }

    private static DataStream<RowData> transform(StreamExecutionEnvironment env, long count) {
        DataStream<RowData> input =
                env.fromSequence(1, count)
                        .setParallelism(1)
                        .map(id -> (RowData) GenericRowData.of(id))
                        .setParallelism(1)
                        .returns(InternalTypeInfo.of(INPUT));
        return FlinkTF.transform(input, INPUT, OUTPUT, "scorer", Configuration.fromMap(Map.of("batch.rows", "1000")));
    }

    private static List<Long> ids(StreamExecutionEnvironment env, DataStream<RowData> rows) throws Exception {
        List<Long> ids = new ArrayList<>();
        try (CloseableIterator<Long> iterator =
                rows.map(row -> row.getLong(0))
                        .returns(Long.class)
                        .setParallelism(rows.getParallelism())
                        .executeAndCollect()) {
            iterator.forEachRemaining(ids::add);
        }
        return ids;
    }
}
