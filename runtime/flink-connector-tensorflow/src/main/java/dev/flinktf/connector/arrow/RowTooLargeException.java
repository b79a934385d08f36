package dev.flinktf.connector.arrow;

import dev.flinktf.connector.protocol.FrameType;

/** A row that does not fit into one frame; the message names its widest column and that column's size. */
public final class RowTooLargeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    RowTooLargeException(String column, long bytes) {
        super(
                String.format(
                        "A row is too large for one frame of %d bytes: its widest column '%s' has %d bytes. Send a "
                                + "reference (a path, a key) and read the value in the role instead.",
                        FrameType.DATA.limit(), column, bytes));
    }
}
