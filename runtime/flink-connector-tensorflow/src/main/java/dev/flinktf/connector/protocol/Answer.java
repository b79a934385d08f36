package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

import java.util.Map;

/** What a role process tells its subtask; {@link #parse} is the only way from bytes to here. */
public sealed interface Answer {

    /** The cluster has formed; records may flow. */
    record Ready(long version, long generation) implements Answer {}

    /** The answer to one BARRIER. */
    record Checkpoint(Saved saved) implements Answer {}

    /** One Arrow IPC record batch of a transform's output. */
    record Result(byte[] message) implements Answer {}

    /** How far training is, and what it tells of itself: its loss, say. */
    record Progress(long step, long rows, Map<String, Double> metrics) implements Answer {}

    /** The role has ended well. */
    record Done(long rows, long steps) implements Answer {}

    /** The role has failed, and the subtask with it; where it is final, Flink shall not restart anything. */
    record Failed(String type, String message, String traceback, boolean isFinal) implements Answer {}

    /**
     * Reads a frame from a role.
     *
     * @throws ProtocolException for a frame that only a subtask may send, a missing key, or an unknown version
     */
    static Answer parse(Frame frame) throws ProtocolException {
        return switch (frame.type()) {
            case READY -> ready(frame);
            case SAVED -> new Checkpoint(Saved.parse(frame));
            case RESULT -> new Result(frame.payload());
            case PROGRESS -> progress(frame);
            case DONE -> done(frame);
            case FAILED -> failed(frame);
            case HELLO, DATA, BARRIER, END ->
                    throw new ProtocolException("a role process sent " + frame.type() + ", which only a subtask may");
        };
    }

    private static Ready ready(Frame frame) throws ProtocolException {
        JsonNode node = Json.parse(frame);
        return new Ready(requireVersion(node), Json.number(node, frame.type(), "generation"));
    }

    /** The version of a READY, which is one that HELLO has offered. */
    static long requireVersion(JsonNode ready) throws ProtocolException {
        long version = Json.number(ready, FrameType.READY, "version");
        if (version != Hello.VERSION) {
            throw new ProtocolException("READY of version " + version + "; this side speaks " + Hello.VERSION);
        }
        return version;
    }

    private static Progress progress(Frame frame) throws ProtocolException {
        JsonNode node = Json.parse(frame);
        return new Progress(
                Json.number(node, frame.type(), "step"),
                Json.number(node, frame.type(), "rows"),
                Json.numbers(node, frame.type(), "metrics"));
    }

    private static Done done(Frame frame) throws ProtocolException {
        JsonNode node = Json.parse(frame);
        return new Done(Json.number(node, frame.type(), "rows"), Json.number(node, frame.type(), "steps"));
    }

    private static Failed failed(Frame frame) throws ProtocolException {
        JsonNode node = Json.parse(frame);
        return new Failed(
                Json.text(node, frame.type(), "type"),
                Json.text(node, frame.type(), "message"),
                Json.text(node, frame.type(), "traceback"),
                Json.flag(node, frame.type(), "final"));
    }
}
