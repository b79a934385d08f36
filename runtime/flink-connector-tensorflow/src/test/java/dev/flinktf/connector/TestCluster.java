package dev.flinktf.connector;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;

import java.util.List;
import java.util.Map;

/** A Flink cluster in this JVM whose one TaskManager has a slot of every kind that the tests ask for. */
public final class TestCluster {

    private static final List<String> POOLS = List.of("pipeline", "worker", "ps", "scorer");

    /** What the cluster shows of its tasks, while they run. */
    public static final InMemoryReporter METRICS = InMemoryReporter.create();

    private TestCluster() {}

    public static MiniClusterExtension start() {
        Configuration configuration = new Configuration();
        configuration.setString("cluster.fine-grained-resource-management.enabled", "true");
        configuration.setString("external-resources", String.join(";", POOLS.stream().map(pool -> "role-" + pool).toList()));
        for (String pool : POOLS) {
            configuration.setString("external-resource.role-" + pool + ".amount", "2");
        }
        configuration.setString("taskmanager.cpu.cores", "8");
        METRICS.addToConfiguration(configuration);
        return new MiniClusterExtension(
                new MiniClusterResourceConfiguration.Builder()
                        .setConfiguration(configuration)
                        .setNumberTaskManagers(1)
                        .setNumberSlotsPerTaskManager(8)
                        .build());
    }

    /** An environment as flinktf's driver makes it: two replicas of each role that {@code roles} names. */
    public static StreamExecutionEnvironment environment(Map<String, Integer> roles) {
        Configuration configuration = new Configuration();
        configuration.setString("flinktf.job-name", "wine");
        configuration.setString("flinktf.agent.connect-timeout", "2 s");
        configuration.setString("restart-strategy.type", "disable");
        roles.forEach((role, replicas) -> configuration.setString("flinktf.role." + role + ".replicas", replicas.toString()));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(2);
        return env;
    }
}
