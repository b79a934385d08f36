package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Where a role saved its model for a Flink checkpoint.
 *
 * @param location a URI, or null when the role saves nothing
 * @param error why the model could not be saved, so that there can be no such checkpoint; null when it was
 */
public record Saved(long checkpointId, String location, String error) {

    public Saved(long checkpointId, String location) {
        this(checkpointId, location, null);
    }

    static Saved parse(Frame frame) throws ProtocolException {
        JsonNode node = Json.parse(frame);
        return new Saved(
                Json.number(node, FrameType.SAVED, "checkpointId"),
                Json.optionalText(node, FrameType.SAVED, "location"),
                Json.optionalText(node, FrameType.SAVED, "error"));
    }

    ObjectNode json() {
        return Json.object().put("checkpointId", checkpointId).put("location", location);
    }
}
