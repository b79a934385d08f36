package dev.flinktf.connector.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.FlinkTFOptions;
import dev.flinktf.connector.TestCluster;

import org.apache.flink.api.dag.Transformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** What a program says of its roles, and what of it does not fit. */
class TFUtilsTest {

    private final StreamExecutionEnvironment env = TestCluster.environment(Map.of("worker", 2, "ps", 1));
    private final StreamTableEnvironment tables = StreamTableEnvironment.create(env);
    private final StreamStatementSet statements = tables.createStatementSet();

    @Test
    void everyRoleOfTheClusterIsToldWhatItRuns() {
        TFClusterConfig config =
                TFClusterConfig.newBuilder()
                        .setWorkerCount(2)
                        .setPsCount(1)
                        .setPythonEntry("train.py", "train_entry")
                        .setProperty("input_types", "FLOAT_32,INT_64,STRING")
                        .build();

        TFUtils.train(statements, input("FLOAT", "BIGINT"), config, 4);

        String program = env.getConfiguration().get(FlinkTFOptions.program("worker"));
        assertThat(program)
                .isEqualTo(env.getConfiguration().get(FlinkTFOptions.program("ps")))
                .contains("\"file\":\"train.py\",\"name\":\"train_entry\"")
                .contains("\"epochs\":4", "\"input_types\":\"FLOAT_32,INT_64,STRING\"");
        assertThat(groups()).contains("role-worker").doesNotContain("role-ps");
    }

    @Test
    void withoutATableEveryRoleIsASource() {
        TFUtils.train(
                statements,
                TFClusterConfig.newBuilder().setWorkerCount(2).setPsCount(1).setNodeEntry("train:main").build());
        assertThat(groups()).contains("role-worker", "role-ps");
    }

    @Test
    void whatTheWorkersWriteIsATable() {
        TFClusterConfig config =
                TFClusterConfig.newBuilder()
                        .setWorldSize(2)
                        .setNodeEntry("infer:main")
                        .setProperty("output_types", "INT_64,FLOAT32")
                        .build();
        Schema output = Schema.newBuilder().column("id", DataTypes.BIGINT()).column("y", DataTypes.FLOAT()).build();

        Table found = TFUtils.inference(statements, input("FLOAT", "BIGINT"), config, output);

        assertThat(found.getResolvedSchema().getColumnNames()).containsExactly("id", "y");
        statements.addInsert(TableDescriptor.forConnector("blackhole").build(), found);
        assertThat(groups()).contains("role-worker");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "FLOAT|FLOAT_32,INT_64|2|'input_types' names 2 type(s), [FLOAT_32, INT_64]; the table has 3 column(s)",
                "FLOAT|FLOAT_32,INT_32,STRING|2|'input_types' says that column 'b' is INT_32; it is BIGINT, INT_64.",
                "FLOAT|FLOAT_32,HALF,STRING|2|'input_types': there is no type 'HALF'; there are [FLOAT_32, FLOAT_64",
                "TINYINT|INT_32,INT_64,STRING|2|Column 'a' is TINYINT, which has no name among [FLOAT_32, FLOAT_64",
                "FLOAT|FLOAT_32,INT_64,STRING|3|The cluster has 3 node(s) of type 'worker', the FlinkTFJob has 2",
            })
    void whatDoesNotFitIsNamed(String type, String names, int workers, String told) {
        TFClusterConfig config =
                TFClusterConfig.newBuilder().setWorkerCount(workers).setProperty("input_types", names).build();
        assertThatThrownBy(() -> TFUtils.train(statements, input(type, "BIGINT"), config))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining(told);
    }

    @Test
    void aRoleThatTheJobDoesNotHave() {
        TFClusterConfig config = TFClusterConfig.newBuilder().addNodeType("tower", 1).build();
        assertThatThrownBy(() -> TFUtils.train(statements, config))
                .hasMessageContaining("There is no role 'tower'; the FlinkTFJob has the roles [ps, worker].");
    }

    @Test
    void aClusterWithoutNodesAndAProgramThatIsTooLarge() {
        assertThatThrownBy(() -> TFClusterConfig.newBuilder().build()).hasMessageContaining("has no nodes");
        TFClusterConfig config =
                TFClusterConfig.newBuilder().setWorkerCount(2).setPickledEntry("A".repeat(1 << 20)).build();
        assertThatThrownBy(() -> TFUtils.train(statements, config))
                .hasMessageContaining("take 1024 KiB; there is room for 768");
    }

    @Test
    void aBuilderBeginsWithWhatAConfigSays() {
        TFClusterConfig config =
                TFClusterConfig.newBuilder().setWorkerCount(2).setProperty("a", "b").setNodeEntry("x:y").build();
        TFClusterConfig more = config.toBuilder().setPsCount(1).build();
        assertThat(more.getNodeTypeCntMap()).containsEntry("worker", 2).containsEntry("ps", 1);
        assertThat(more.getProperty("a")).isEqualTo("b");
        assertThat(config.getNodeTypeCntMap()).doesNotContainKey("ps");
    }

    private Table input(String first, String second) {
        return tables.sqlQuery(
                String.format(
                        "SELECT CAST(a AS %s) AS a, CAST(b AS %s) AS b, c FROM (VALUES (1, 2, 'x')) AS t (a, b, c)",
                        first, second));
    }

    private Set<String> groups() {
        statements.attachAsDataStream();
        return env.getTransformations().stream()
                .flatMap(one -> one.getTransitivePredecessors().stream())
                .flatMap((Transformation<?> one) -> one.getSlotSharingGroup().stream())
                .map(group -> group.getName())
                .collect(Collectors.toSet());
    }
}
