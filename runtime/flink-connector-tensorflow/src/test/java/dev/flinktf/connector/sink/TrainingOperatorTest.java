package dev.flinktf.connector.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.FakeAgent;
import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.TestCluster;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameType;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.ExceptionUtils;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Jobs on a real Flink cluster that feed a role; the role is a fake that speaks the protocol. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TrainingOperatorTest {

    private static final RowType TYPE =
            (RowType) DataTypes.ROW(DataTypes.FIELD("id", DataTypes.BIGINT())).getLogicalType();

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @Test
    void everyRowArrivesOnceAndEverySubtaskGetsItsShare() throws Exception {
        try (FakeAgent agent = new FakeAgent(FakeAgent.training(TYPE))) {
            run(20_003, new Configuration());

            assertThat(agent.errors()).isEmpty();
            assertThat(agent.rows()).hasSize(20_003).doesNotHaveDuplicates();
            assertThat(agent.peers()).hasSize(2);
            assertThat(agent.peers())
                    .allSatisfy(peer -> assertThat(peer.rows().size()).isBetween(9_900, 10_100));
        }
    }

    @Test
    void helloSaysWhoItIs() throws Exception {
        try (FakeAgent agent = new FakeAgent(FakeAgent.training(TYPE))) {
            run(10, new Configuration());

            assertThat(agent.peers().stream().map(peer -> peer.hello().get("index").asInt()))
                    .containsExactlyInAnyOrder(0, 1);
            assertThat(agent.peers().get(0).hello().toString())
                    .contains("\"versions\":[1]", "\"job\":\"wine\"", "\"role\":\"worker\"", "\"parallelism\":2")
                    .contains("\"attempt\":0", "\"mode\":\"sink\"", "\"outputSchema\":null", "\"restored\":null")
                    .contains("{\"name\":\"id\",\"type\":\"BIGINT\",\"nullable\":true}")
                    .doesNotContain("\"taskManager\":\"\"")
                    .containsPattern("\"jobId\":\"[0-9a-f]{32}\"");
        }
    }

    @Test
    void whatTrainingTellsIsAmongFlinksMetrics() throws Exception {
        Map<String, Object> seen = new ConcurrentHashMap<>();
        FakeAgent.Script telling =
                peer -> {
                    peer.ready();
                    peer.send(FrameType.PROGRESS, "{\"step\":7,\"rows\":224,\"metrics\":{\"loss\":0.5,\"step\":1}}");
                    peer.send(FrameType.PROGRESS, "{\"step\":8,\"rows\":256,\"metrics\":{\"loss\":0.25}}");
                    JobID job = JobID.fromHexString(peer.hello().get("jobId").asText());
                    String index = peer.hello().get("index").asText();
                    for (int i = 0; i < 100 && !Double.valueOf(0.25).equals(seen.get(index + " loss")); i++) {
                        Thread.sleep(50);
                        TestCluster.METRICS.findMetrics(job, "." + index + ".flinktf.training.").forEach(
                                (name, metric) ->
                                        seen.put(index + " " + name.substring(name.lastIndexOf('.') + 1), ((Gauge<?>) metric).getValue()));
                    }
                    peer.takeAll(TYPE);
                };
        try (FakeAgent agent = new FakeAgent(telling)) {
            run(10, new Configuration());

            assertThat(agent.errors()).isEmpty();
            assertThat(seen)
                    .containsExactlyInAnyOrderEntriesOf(
                            Map.of("0 step", 8L, "0 rows", 256L, "0 loss", 0.25, "1 step", 8L, "1 rows", 256L, "1 loss", 0.25));
        }
    }

    @Test
    void theJobFailsWithTheTracebackOfItsRole() throws Exception {
        FakeAgent.Script failing =
                peer -> {
                    peer.ready();
                    peer.expect(FrameType.DATA);
                    peer.send(
                            FrameType.FAILED,
                            "{\"type\":\"ValueError\",\"message\":\"no such column\",\"traceback\":\"File train.py, line 7\"}");
                };
        try (FakeAgent agent = new FakeAgent(failing)) {
            assertThat(failure(100_000))
                    .containsPattern("Role worker-[01] failed: ValueError: no such column")
                    .contains("File train.py, line 7");
        }
    }

    @Test
    void aRoleThatFailsWhileItsClusterFormsFailsTheJob() throws Exception {
        FakeAgent.Script failing =
                peer -> peer.send(FrameType.FAILED, "{\"type\":\"FormingTimeout\",\"message\":\"ps-0 is missing\",\"traceback\":\"\"}");
        try (FakeAgent agent = new FakeAgent(failing)) {
            assertThat(failure(10)).contains("FormingTimeout: ps-0 is missing");
        }
    }

    @Test
    void aRoleThatIsDoneEarlyEndsTheJobWell() throws Exception {
        FakeAgent.Script impatient =
                peer -> {
                    peer.ready();
                    peer.expect(FrameType.DATA);
                    // Nobody reads: the subtask is blocked in writing when DONE comes.
                    Thread.sleep(500);
                    peer.done();
                    peer.hang();
                };
        try (FakeAgent agent = new FakeAgent(impatient)) {
            run(3_000_000, new Configuration());

            assertThat(agent.peers()).hasSize(2);
        }
    }

    @Test
    void aRoleThatVanishesFailsTheJob() throws Exception {
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            peer.ready();
                            peer.expect(FrameType.DATA);
                        })) {
            assertThat(failure(3_000_000))
                    .containsPattern("role process of worker-[01] closed the connection without saying DONE");
        }
    }

    @Test
    void aRoleThatBreaksTheProtocolFailsTheJob() throws Exception {
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            peer.ready();
                            peer.expect(FrameType.DATA);
                            peer.send(FrameType.BARRIER, "{}");
                            peer.hang();
                        })) {
            assertThat(failure(10_000)).contains("a role process sent BARRIER, which only a subtask may");
        }
    }

    @Test
    void withoutAnAgentTheErrorNamesTheSocket() {
        assertThat(failure(10)).contains("Nobody listens on target/agent.sock", "agent of this TaskManager is not running");
    }

    @Test
    void barriersSplitTheRowsAsFlinksCheckpointsDo() throws Exception {
        List<Integer> rowsAtBarrier = new ArrayList<>();
        FakeAgent.Script counting =
                peer -> {
                    peer.ready();
                    for (Frame frame = peer.read(); frame.type() != FrameType.END; frame = peer.read()) {
                        peer.take(frame, TYPE);
                        if (frame.type() == FrameType.BARRIER) {
                            synchronized (rowsAtBarrier) {
                                rowsAtBarrier.add(peer.rows().size());
                            }
                        }
                    }
                    peer.done();
                };
        try (FakeAgent agent = new FakeAgent(counting)) {
            StreamExecutionEnvironment env = environment();
            env.enableCheckpointing(100);
            FlinkTF.sink(slowRows(env, 3_000), TYPE, "worker", new Configuration());
            env.execute();

            assertThat(agent.errors()).isEmpty();
            assertThat(agent.rows()).hasSize(3_000).doesNotHaveDuplicates();
            assertThat(agent.peers()).allSatisfy(peer -> assertThat(peer.barriers()).hasSizeGreaterThan(1).isSorted());
            assertThat(agent.peers().get(0).barriers().get(0)).isEqualTo(agent.peers().get(1).barriers().get(0));
            assertThat(rowsAtBarrier).anySatisfy(rows -> assertThat(rows).isBetween(1, 1_499));
        }
    }

    @Test
    void aNewAttemptSaysWhichCheckpointItRestored() throws Exception {
        AtomicBoolean killed = new AtomicBoolean();
        FakeAgent.Script dyingOnce =
                peer -> {
                    peer.ready();
                    for (Frame frame = peer.read(); frame.type() != FrameType.END; frame = peer.read()) {
                        if (peer.barriers().size() == 3 && killed.compareAndSet(false, true)) {
                            return;
                        }
                        peer.take(frame, TYPE);
                    }
                    peer.done();
                };
        try (FakeAgent agent = new FakeAgent(dyingOnce)) {
            StreamExecutionEnvironment env = environment();
            env.enableCheckpointing(100);
            env.configure(restarting(1));
            FlinkTF.sink(slowRows(env, 3_000), TYPE, "worker", new Configuration());
            env.execute();

            assertThat(agent.errors()).isEmpty();
            assertThat(agent.peers()).hasSize(4);
            for (FakeAgent.Peer peer : agent.peers().subList(2, 4)) {
                long restored = peer.hello().get("restored").get("checkpointId").asLong();
                assertThat(peer.hello().get("attempt").asInt()).isEqualTo(1);
                assertThat(peer.hello().get("restored").get("location").asText()).isEqualTo("file:///saved/" + restored);
                assertThat(agent.peers().get(0).barriers()).contains(restored);
                assertThat(peer.barriers()).allMatch(barrier -> barrier > restored);
            }
        }
    }

    @Test
    void whatARoleCouldNotSaveIsNoCheckpointAndNoFailure() throws Exception {
        AtomicBoolean killed = new AtomicBoolean();
        FakeAgent.Script refusing =
                peer -> {
                    peer.ready();
                    for (Frame frame = peer.read(); frame.type() != FrameType.END; frame = peer.read()) {
                        if (frame.type() == FrameType.BARRIER && id(frame) % 2 == 0) {
                            refuse(peer, frame);
                            if (id(frame) > 5 && killed.compareAndSet(false, true)) {
                                return;
                            }
                        } else {
                            peer.take(frame, TYPE);
                        }
                    }
                    peer.done();
                };
        try (FakeAgent agent = new FakeAgent(refusing)) {
            StreamExecutionEnvironment env = environment();
            env.enableCheckpointing(100);
            env.getCheckpointConfig().setTolerableCheckpointFailureNumber(Integer.MAX_VALUE);
            env.configure(restarting(1));
            FlinkTF.sink(slowRows(env, 3_000), TYPE, "worker", new Configuration());
            env.execute();

            assertThat(agent.errors()).isEmpty();
            assertThat(agent.peers()).hasSize(4);
            for (FakeAgent.Peer peer : agent.peers().subList(2, 4)) {
                assertThat(peer.hello().get("restored").get("checkpointId").asLong()).isGreaterThan(4).isOdd();
            }
        }
    }

    private static void refuse(FakeAgent.Peer peer, Frame barrier) throws IOException {
        peer.send(
                FrameType.SAVED,
                "{\"checkpointId\":" + id(barrier) + ",\"location\":null,\"error\":\"no space left\"}");
    }

    private static long id(Frame barrier) {
        return Long.parseLong(barrier.text().replaceAll("\\D", ""));
    }

    /** What the coordinator has decided, Flink does not restart; what it has not, Flink does. */
    @ParameterizedTest
    @CsvSource({"true, 0", "false, 1"})
    void onlyAFinalFailureEndsTheJob(boolean isFinal, int attempts) throws Exception {
        String failed =
                String.format("{\"type\":\"X\",\"message\":\"m\",\"traceback\":\"\",\"final\":%b}", isFinal);
        FakeAgent.Script failing =
                peer -> {
                    peer.ready();
                    peer.expect(FrameType.DATA);
                    peer.send(FrameType.FAILED, failed);
                };
        try (FakeAgent agent = new FakeAgent(failing)) {
            StreamExecutionEnvironment env = environment();
            env.configure(restarting(1));
            FlinkTF.sink(rows(env, 10_000), TYPE, "worker", new Configuration());

            assertThatThrownBy(env::execute).hasStackTraceContaining("failed: X: m");
            assertThat(agent.peers())
                    .extracting(peer -> peer.hello().get("attempt").asInt())
                    .contains(attempts)
                    .doesNotContain(attempts + 1);
        }
    }

    @Test
    void aRoleThatCouldNeverSaveEndsTheJobWell() throws Exception {
        FakeAgent.Script refusing =
                peer -> {
                    peer.ready();
                    for (Frame frame = peer.read(); frame.type() != FrameType.END; frame = peer.read()) {
                        if (frame.type() == FrameType.BARRIER) {
                            refuse(peer, frame);
                        }
                    }
                    peer.done();
                };
        try (FakeAgent agent = new FakeAgent(refusing)) {
            StreamExecutionEnvironment env = environment();
            env.enableCheckpointing(100);
            env.getCheckpointConfig().setTolerableCheckpointFailureNumber(Integer.MAX_VALUE);
            FlinkTF.sink(slowRows(env, 500), TYPE, "worker", new Configuration());
            env.execute(); // with a last checkpoint, which its tasks wait for

            assertThat(agent.errors()).isEmpty();
        }
    }

    @Test
    void cancellingBeforeReadyClosesTheConnections() throws Exception {
        CountDownLatch closed = new CountDownLatch(2);
        FakeAgent.Script forming =
                peer -> {
                    try {
                        peer.read();
                    } finally {
                        closed.countDown();
                    }
                };
        try (FakeAgent agent = new FakeAgent(forming)) {
            StreamExecutionEnvironment env = environment();
            FlinkTF.sink(rows(env, 10), TYPE, "worker", new Configuration());
            JobClient job = env.executeAsync();
            while (agent.peers().size() < 2) {
                Thread.sleep(10);
            }
            job.cancel().get();

            assertThat(closed.await(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static Configuration restarting(int attempts) {
        return Configuration.fromMap(
                Map.of(
                        "restart-strategy.type", "fixed-delay",
                        "restart-strategy.fixed-delay.attempts", String.valueOf(attempts),
                        "restart-strategy.fixed-delay.delay", "0 ms"));
    }

    /** At most a thousand a second from each subtask, so that checkpoints come among them. */
    private static DataStream<RowData> slowRows(StreamExecutionEnvironment env, long count) {
        return rows(env, count)
                .map(
                        row -> {
                            Thread.sleep(1);
                            return row;
                        })
                .returns(InternalTypeInfo.of(TYPE));
    }

    private static StreamExecutionEnvironment environment() {
        return TestCluster.environment(Map.of("worker", 2));
    }

    private static DataStream<RowData> rows(StreamExecutionEnvironment env, long count) {
        return env.fromSequence(1, count)
                .map(id -> (RowData) GenericRowData.of(id))
                .returns(InternalTypeInfo.of(TYPE));
    }

    private static void run(long count, Configuration options) throws Exception {
        StreamExecutionEnvironment env = environment();
        FlinkTF.sink(rows(env, count), TYPE, "worker", options);
        env.execute();
    }

    private static String failure(long count) {
        try {
            run(count, new Configuration());
        } catch (Exception error) {
            return ExceptionUtils.stringifyException(error);
        }
        throw new AssertionError("the job should have failed");
    }
}
