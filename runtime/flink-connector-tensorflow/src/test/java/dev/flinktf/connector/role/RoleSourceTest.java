package dev.flinktf.connector.role;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flinktf.connector.FakeAgent;
import dev.flinktf.connector.TestCluster;
import dev.flinktf.connector.protocol.FrameType;

import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.clusterframework.types.ResourceProfile;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.ExceptionUtils;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

@Timeout(value = 60, unit = TimeUnit.SECONDS)
class RoleSourceTest {

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @Test
    void itHoldsItsSlotsUntilTheRoleIsDone() throws Exception {
        CountDownLatch finish = new CountDownLatch(1);
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            peer.ready();
                            finish.await();
                            peer.done();
                        })) {
            JobClient job = start();
            await(() -> agent.peers().size() == 2);
            assertThat(agent.peers().get(0).hello().toString())
                    .contains("\"role\":\"ps\"", "\"mode\":\"source\"", "\"schema\":null", "\"parallelism\":2");
            assertThat(job.getJobStatus().get().isTerminalState()).isFalse();

            finish.countDown();
            job.getJobExecutionResult().get();
            assertThat(agent.errors()).isEmpty();
        }
    }

    @Test
    void itFailsWithItsRole() throws Exception {
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            peer.ready();
                            peer.send(
                                    FrameType.FAILED,
                                    "{\"type\":\"OSError\",\"message\":\"port taken\",\"traceback\":\"in main\"}");
                        })) {
            assertThat(failure(start())).containsPattern("Role ps-[01] failed: OSError: port taken\\s+in main");
        }
    }

    @Test
    void cancellingClosesTheConnectionsAlsoBeforeReady() throws Exception {
        CountDownLatch closed = new CountDownLatch(2);
        try (FakeAgent agent =
                new FakeAgent(
                        peer -> {
                            try {
                                peer.read();
                            } finally {
                                closed.countDown();
                            }
                        })) {
            JobClient job = start();
            await(() -> agent.peers().size() == 2);
            job.cancel().get();

            assertThat(closed.await(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void withoutAnAgentTheJobFails() throws Exception {
        assertThat(failure(start())).contains("Nobody listens on target/agent.sock after 2 s");
    }

    @Test
    void aPipelineThatFeedsNoRoleStillStaysOffTheRolesSlots() {
        StreamExecutionEnvironment env = TestCluster.environment(Map.of("ps", 1));
        env.fromSequence(1, 10).print();
        Roles.source(env, "ps", 1);

        Map<String, Set<String>> resources = new TreeMap<>();
        for (JobVertex vertex : env.getStreamGraph().getJobGraph().getVertices()) {
            ResourceProfile profile = vertex.getSlotSharingGroup().getResourceProfile();
            resources.merge(vertex.getName(), profile.getExtendedResources().keySet(), (a, b) -> a);
        }
        assertThat(resources)
                .containsEntry("Source: role: ps -> end: Writer", Set.of("role-ps"))
                .containsValue(Set.of("role-pipeline"))
                .hasSizeGreaterThan(1)
                .doesNotContainValue(Set.of());
    }

    private static JobClient start() throws Exception {
        StreamExecutionEnvironment env = TestCluster.environment(Map.of("ps", 2));
        Roles.source(env, "ps", 2);
        return env.executeAsync();
    }

    private static String failure(JobClient job) throws InterruptedException {
        try {
            job.getJobExecutionResult().get();
        } catch (ExecutionException error) {
            return ExceptionUtils.stringifyException(error);
        }
        throw new AssertionError("the job should have failed");
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(10);
        }
    }
}
