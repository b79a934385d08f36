package dev.flinktf.connector.protocol;

import java.util.Locale;

/** What flows between a subtask and its role. */
public enum Mode {
    /** Nothing: the subtask only holds the role's slot. */
    SOURCE,
    /** Records in. */
    SINK,
    /** Records in, results out. */
    TRANSFORM;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
