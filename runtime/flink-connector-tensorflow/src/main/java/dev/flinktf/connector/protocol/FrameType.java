package dev.flinktf.connector.protocol;

/** The frames of the wire protocol: their number on the wire and their largest payload in bytes. */
public enum FrameType {
    HELLO(1, Limits.CONTROL),
    READY(2, Limits.CONTROL),
    DATA(3, Limits.DATA),
    BARRIER(4, Limits.CONTROL),
    SAVED(5, Limits.CONTROL),
    RESULT(6, Limits.DATA),
    END(7, 0),
    DONE(8, Limits.CONTROL),
    FAILED(9, Limits.CONTROL),
    PROGRESS(10, Limits.CONTROL);

    private static final FrameType[] TYPES = values();

    private final int number;
    private final int limit;

    FrameType(int number, int limit) {
        this.number = number;
        this.limit = limit;
    }

    /** The third byte of a frame's header. */
    public int number() {
        return number;
    }

    /** The largest payload in bytes. */
    public int limit() {
        return limit;
    }

    static FrameType of(int number) throws ProtocolException {
        if (number < 1 || number > TYPES.length) {
            throw new ProtocolException("unknown frame type " + number);
        }
        return TYPES[number - 1];
    }

    private static final class Limits {
        private static final int CONTROL = 1 << 20;
        private static final int DATA = 64 << 20;
    }
}
