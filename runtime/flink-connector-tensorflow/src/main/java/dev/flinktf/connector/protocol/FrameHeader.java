package dev.flinktf.connector.protocol;

import java.nio.ByteBuffer;

/** The eight bytes before every payload: magic, type, flags, length. */
record FrameHeader(FrameType type, int length) {

    static final int BYTES = 8;

    private static final short MAGIC = 0x4654;

    /** Checks the length against the type's limit and writes the header at the buffer's position. */
    static void put(ByteBuffer target, FrameType type, int length) throws ProtocolException {
        checkLength(type, length);
        target.putShort(MAGIC).put((byte) type.number()).put((byte) 0).putInt(length);
    }

    /** Reads the header at the buffer's position. */
    static FrameHeader get(ByteBuffer source) throws ProtocolException {
        short magic = source.getShort();
        if (magic != MAGIC) {
            throw new ProtocolException(
                    String.format("not a flinktf frame: it starts with %04x, not %04x", magic, MAGIC));
        }
        FrameType type = FrameType.of(Byte.toUnsignedInt(source.get()));
        byte flags = source.get();
        if (flags != 0) {
            throw new ProtocolException(String.format("a %s frame with unknown flags 0x%02x", type, flags));
        }
        long length = Integer.toUnsignedLong(source.getInt());
        checkLength(type, length);
        return new FrameHeader(type, (int) length);
    }

    private static void checkLength(FrameType type, long length) throws ProtocolException {
        if (length > type.limit()) {
            throw new ProtocolException(
                    String.format("a %s frame of %d bytes is larger than %d", type, length, type.limit()));
        }
    }
}
