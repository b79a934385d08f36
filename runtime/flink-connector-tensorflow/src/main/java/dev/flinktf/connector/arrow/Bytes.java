package dev.flinktf.connector.arrow;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian values in byte arrays, which is how Arrow lays columns out. */
final class Bytes {

    static final VarHandle SHORT = handle(short[].class);
    static final VarHandle INT = handle(int[].class);
    static final VarHandle LONG = handle(long[].class);
    static final VarHandle FLOAT = handle(float[].class);
    static final VarHandle DOUBLE = handle(double[].class);

    private Bytes() {}

    private static VarHandle handle(Class<?> array) {
        return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.LITTLE_ENDIAN);
    }

    static void setBit(byte[] bits, int index) {
        bits[index >> 3] |= (byte) (1 << (index & 7));
    }

    static boolean getBit(byte[] bits, int offset, int index) {
        return (bits[offset + (index >> 3)] >> (index & 7) & 1) != 0;
    }
}
