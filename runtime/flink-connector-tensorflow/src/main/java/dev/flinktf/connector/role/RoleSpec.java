package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Hello;
import dev.flinktf.connector.protocol.Mode;
import dev.flinktf.connector.protocol.Saved;
import dev.flinktf.connector.protocol.StreamSchema;

import org.apache.flink.metrics.MetricGroup;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;

/**
 * What all subtasks of a role have in common.
 *
 * @param replicas subtasks of the role
 * @param connectTimeout how long a subtask waits for its agent's socket
 * @param schema of the records in, null in mode source
 * @param outputSchema of the results, null except in mode transform
 * @param program what the role runs instead of the manifest's entrypoint, as JSON, or null
 */
public record RoleSpec(
        String job,
        String role,
        int replicas,
        Mode mode,
        Duration connectTimeout,
        StreamSchema schema,
        StreamSchema outputSchema,
        String program)
        implements Serializable {

    /**
     * HELLO of one subtask. Which attempt of which job on which TaskManager it is stands in the scope of its metrics, the
     * one place that sources, sinks and operators can all read.
     */
    public Hello hello(MetricGroup metrics, int index, Saved restored) {
        Map<String, String> scope = metrics.getAllVariables();
        return new Hello(
                job,
                scope.getOrDefault("<job_id>", ""),
                role,
                index,
                replicas,
                Integer.parseInt(scope.getOrDefault("<task_attempt_num>", "0")),
                mode,
                scope.getOrDefault("<tm_id>", ""),
                schema,
                outputSchema,
                restored,
                program);
    }
}
