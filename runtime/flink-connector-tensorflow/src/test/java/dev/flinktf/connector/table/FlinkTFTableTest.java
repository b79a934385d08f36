package dev.flinktf.connector.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.FakeAgent;
import dev.flinktf.connector.TestCluster;

import org.apache.flink.runtime.clusterframework.types.ResourceProfile;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.test.junit5.MiniClusterExtension;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FlinkTFTableTest {

    private static final RowType TYPE =
            (RowType)
                    DataTypes.ROW(
                                    DataTypes.FIELD("id", DataTypes.BIGINT()),
                                    DataTypes.FIELD("text", DataTypes.STRING()),
                                    DataTypes.FIELD("xs", DataTypes.ARRAY(DataTypes.FLOAT())))
                            .getLogicalType();

    @RegisterExtension
    private static final MiniClusterExtension CLUSTER = TestCluster.start();

    @Test
    void insertIntoFeedsTheRoleExactlyOnce() throws Exception {
        try (FakeAgent agent = new FakeAgent(FakeAgent.training(TYPE))) {
            StreamTableEnvironment tables = tables(Map.of("worker", 2));
            createSink(tables, "'role' = 'worker', 'batch.rows' = '1000'");
            tables.executeSql(
                    "CREATE TABLE source (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', "
                            + "'fields.id.start' = '1', 'fields.id.end' = '12345', 'rows-per-second' = '1000000')");
            tables.executeSql(
                            "INSERT INTO train SELECT id, 't' || CAST(id AS STRING), "
                                    + "ARRAY[CAST(id AS FLOAT), CAST(0.5 AS FLOAT)] FROM source")
                    .await();

            assertThat(agent.errors()).isEmpty();
            assertThat(agent.rows()).hasSize(12_345).doesNotHaveDuplicates();
            assertThat(agent.rows()).anyMatch(row -> row.startsWith("+I(7,t7,"));
            assertThat(agent.peers()).allSatisfy(peer -> assertThat(peer.rows().size()).isBetween(6_100, 6_250));
        }
    }

    @Test
    void theRoleHasItsSlotsAndEverythingElseThePipelines() {
        StreamExecutionEnvironment env = TestCluster.environment(Map.of("worker", 2));
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        createSink(tables, "'role' = 'worker'");
        StreamStatementSet statements = tables.createStatementSet();
        statements.addInsertSql("INSERT INTO train VALUES (1, 'a', ARRAY[CAST(1 AS FLOAT)])");
        statements.attachAsDataStream();
        env.fromSequence(1, 10).print();

        Map<String, ResourceProfile> profiles = new HashMap<>();
        for (JobVertex vertex : env.getStreamGraph().getJobGraph().getVertices()) {
            profiles.put(vertex.getName(), vertex.getSlotSharingGroup().getResourceProfile());
        }

        assertThat(profiles).hasSize(3);
        profiles.forEach(
                (name, profile) ->
                        assertThat(profile.getExtendedResources().keySet())
                                .as(name)
                                .containsExactly(name.startsWith("role: worker") ? "role-worker" : "role-pipeline"));
        assertThat(profiles.keySet()).anyMatch(name -> name.startsWith("role: worker"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'role' = 'trainer'                             | There is no role 'trainer'; the FlinkTFJob has the roles [worker]",
                "'role' = 'worker', 'sink.parallelism' = '3'    | role 'worker' has 2 replicas",
                "'role' = 'worker', 'shares' = '1'              | 1 numbers; the role has 2 replicas",
                "'role' = 'worker', 'partition-by' = 'x'        | names column 'x'",
                "'batch.rows' = '10'                            | role",
            })
    void wrongOptionsAreNamed(String options, String message) {
        StreamTableEnvironment tables = tables(Map.of("worker", 2));
        createSink(tables, options);

        assertThatThrownBy(() -> tables.executeSql("INSERT INTO train VALUES (1, 'a', ARRAY[CAST(1 AS FLOAT)])"))
                .hasStackTraceContaining(message);
    }

    @Test
    void aColumnWithoutTensorIsNamed() {
        StreamTableEnvironment tables = tables(Map.of("worker", 2));
        tables.executeSql(
                "CREATE TABLE train (id BIGINT, m MAP<STRING, INT>) WITH ('connector' = 'flinktf', 'role' = 'worker')");

        assertThatThrownBy(() -> tables.executeSql("INSERT INTO train VALUES (1, MAP['a', 1])"))
                .hasStackTraceContaining("Column 'm' is MAP<STRING, INT>, which does not become a tensor");
    }

    @Test
    void aChangelogIsRefusedByThePlanner() {
        StreamTableEnvironment tables = tables(Map.of("worker", 2));
        tables.executeSql("CREATE TABLE train (c BIGINT) WITH ('connector' = 'flinktf', 'role' = 'worker')");

        assertThatThrownBy(
                        () -> tables.executeSql(
                                "INSERT INTO train SELECT COUNT(*) FROM (VALUES ('a'), ('a')) AS t(k) GROUP BY k"))
                .hasStackTraceContaining("doesn't support consuming update changes");
    }

    private static StreamTableEnvironment tables(Map<String, Integer> roles) {
        return StreamTableEnvironment.create(TestCluster.environment(roles));
    }

    private static void createSink(StreamTableEnvironment tables, String options) {
        tables.executeSql(
                "CREATE TABLE train (id BIGINT, `text` STRING, xs ARRAY<FLOAT>) WITH ('connector' = 'flinktf', "
                        + options + ")");
    }
}
