package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The first frame of a connection: which subtask attempt of which role this is, and what it will send.
 *
 * @param schema null in mode {@code source}
 * @param outputSchema null except in mode {@code transform}
 * @param restored the checkpoint that this attempt restored, or null
 * @param program what the role runs instead of the manifest's entrypoint, as JSON, or null
 */
public record Hello(
        String job,
        String jobId,
        String role,
        int index,
        int parallelism,
        int attempt,
        Mode mode,
        String taskManager,
        StreamSchema schema,
        StreamSchema outputSchema,
        Saved restored,
        String program) {

    static final int VERSION = 1;

    /** The role instance in the words of the logs, for example {@code worker-1}. */
    public String instance() {
        return role + "-" + index;
    }

    /** The frame. */
    public Frame frame() {
        ObjectNode node = Json.object();
        node.putArray("versions").add(VERSION);
        node.put("job", job)
                .put("jobId", jobId)
                .put("role", role)
                .put("index", index)
                .put("parallelism", parallelism)
                .put("attempt", attempt)
                .put("mode", mode.wireName())
                .put("taskManager", taskManager);
        node.set("schema", schema == null ? null : schema.json());
        node.set("outputSchema", outputSchema == null ? null : outputSchema.json());
        node.set("restored", restored == null ? null : restored.json());
        if (program != null) {
            node.set("program", Json.value(program));
        }
        return Json.frame(FrameType.HELLO, node);
    }

    /** The BARRIER of a Flink checkpoint. */
    public static Frame barrier(long checkpointId) {
        return Json.frame(FrameType.BARRIER, Json.object().put("checkpointId", checkpointId));
    }
}
