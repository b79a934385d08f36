package dev.flinktf.connector.protocol;

import java.nio.charset.StandardCharsets;

/** One frame: its type and its whole payload, JSON in UTF-8 or an Arrow message. */
public record Frame(FrameType type, byte[] payload) {

    /** The payload of a control frame as text. */
    public String text() {
        return new String(payload, StandardCharsets.UTF_8);
    }
}
