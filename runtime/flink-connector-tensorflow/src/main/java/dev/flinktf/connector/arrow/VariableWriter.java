package dev.flinktf.connector.arrow;

import dev.flinktf.connector.protocol.FrameType;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinarySegmentUtils;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.LogicalType;

import java.util.Arrays;

/** Columns of strings or bytes: one int32 offset a row, and the bytes of all rows behind one another. */
abstract class VariableWriter extends ColumnWriter {

    byte[] offsets = new byte[Integer.BYTES];
    byte[] data = new byte[0];
    /** Bytes used of {@link #data}. */
    int used;

    VariableWriter(int position, String name, LogicalType type) {
        super(position, name, type.isNullable());
    }

    static VariableWriter of(int position, String name, LogicalType type) {
        return ColumnType.of(type).orElseThrow() == ColumnType.UTF8
                ? new StringWriter(position, name, type)
                : new BinaryWriter(position, name, type);
    }

    /** Row {@code n} ends at item {@code end}. */
    final void end(int n, int end) {
        Bytes.INT.set(offsets, (n + 1) << 2, end);
    }

    /** Makes room for {@code length} more bytes. Throws RowTooLargeException when no frame could hold them. */
    final void ensure(long length) {
        long needed = used + length;
        if (needed <= data.length) {
            return;
        }
        if (needed > FrameType.DATA.limit()) {
            throw new RowTooLargeException(name, length);
        }
        data = Arrays.copyOf(data, (int) Math.min(FrameType.DATA.limit(), Math.max(needed, 2L * data.length)));
    }

    @Override
    void reserve(int rows) {
        super.reserve(rows);
        offsets = Arrays.copyOf(offsets, (rows + 1) * Integer.BYTES);
    }

    @Override
    int fixedBytes() {
        return Integer.BYTES;
    }

    @Override
    int variableBytes() {
        return used;
    }

    @Override
    void appendNull(int n) {
        end(n, used);
    }

    @Override
    void collectValues(int rows, BatchBody body) {
        body.buffer(offsets, (rows + 1) * Integer.BYTES);
        body.buffer(data, used);
    }

    @Override
    void reset() {
        super.reset();
        used = 0;
    }

    private static final class StringWriter extends VariableWriter {
        StringWriter(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            StringData string = row.getString(position);
            if (string instanceof BinaryStringData binary) {
                binary.ensureMaterialized();
                int length = binary.getSizeInBytes();
                ensure(length);
                BinarySegmentUtils.copyToBytes(binary.getSegments(), binary.getOffset(), data, used, length);
                used += length;
            } else {
                byte[] bytes = string.toBytes();
                ensure(bytes.length);
                System.arraycopy(bytes, 0, data, used, bytes.length);
                used += bytes.length;
            }
            end(n, used);
        }
    }

    private static final class BinaryWriter extends VariableWriter {
        BinaryWriter(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            byte[] bytes = row.getBinary(position);
            ensure(bytes.length);
            System.arraycopy(bytes, 0, data, used, bytes.length);
            used += bytes.length;
            end(n, used);
        }
    }
}
