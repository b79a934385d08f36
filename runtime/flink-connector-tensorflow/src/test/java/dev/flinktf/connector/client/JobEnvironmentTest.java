package dev.flinktf.connector.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The environment that a program of a FlinkTFJob is given, whatever it asks for. */
class JobEnvironmentTest {

    @TempDir Path folder;
    private Path outcome;

    @BeforeEach
    void install() {
        outcome = folder.resolve("outcome.json");
        JobEnvironment.install(
                Map.of(
                        "pipeline.name", "wine",
                        "flinktf.pipeline.slots", "2",
                        "flinktf.role.worker.replicas", "2",
                        "flinktf.role.ps.replicas", "1",
                        "parallelism.default", "2"),
                Map.of("execution.target", "local", "execution.attached", "true"),
                Map.of("worker", 2, "ps", 1),
                outcome.toString(),
                0);
    }

    @AfterEach
    void uninstall() {
        Context.reset();
    }

    /** What Flink's own clients do when a program is over. */
    private static final class Context extends StreamExecutionEnvironment {
        static void reset() {
            resetContextEnvironment();
        }
    }

    @Test
    void aProgramMaySayOtherwiseButNotWhereItRuns() {
        Configuration wanted = new Configuration();
        wanted.setString("pipeline.name", "mine");
        wanted.setString("execution.target", "kubernetes-session");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(wanted);
        assertThat(env).isInstanceOf(JobEnvironment.class);
        assertThat(env.getConfiguration().get(PipelineOptions.NAME)).isEqualTo("mine");
        assertThat(env.getConfiguration().toMap()).containsEntry("execution.target", "local");
        assertThat(env.getParallelism()).isEqualTo(2);
    }

    @Test
    void rolesThatNothingFeedsGetASource() {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 10).print();
        List<String> names = env.getStreamGraph().getStreamNodes().stream().map(StreamNode::getOperatorName).toList();
        assertThat(names).contains("Source: role: worker", "Source: role: ps");
        assertThat(env.getTransformations()).isEmpty();
    }

    @Test
    void aParallelismBeyondTheSlotsIsNamedAndNothingIsSubmitted() {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 10).setParallelism(3).print();
        StreamGraph graph = env.getStreamGraph();
        assertThatThrownBy(() -> env.executeAsync(graph))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("has parallelism 3, and the pipeline has 2 slot(s)");
        assertThat(outcome).doesNotExist();
    }

    @Test
    void aJobIsSubmittedOnceAndToldOf() throws Exception {
        JobEnvironment.install(Map.of(), Map.of("execution.target", "local", "execution.attached", "true"), Map.of(), outcome.toString(), 0);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 10).print();
        env.executeAsync().getJobExecutionResult().get();
        assertThat(Files.readString(outcome)).contains("\"submitted_at\": ").contains("\"client_ready_seconds\": ");
        StreamExecutionEnvironment again = StreamExecutionEnvironment.getExecutionEnvironment();
        again.fromSequence(1, 10).print();
        assertThatThrownBy(again::executeAsync).hasMessageContaining("this program has submitted one already");
    }
}
