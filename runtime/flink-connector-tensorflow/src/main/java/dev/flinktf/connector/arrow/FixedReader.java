package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;

import java.math.BigDecimal;
import java.nio.ByteBuffer;

/** Reads columns whose values all have the same size. */
final class FixedReader extends ColumnReader {
    private final LogicalType logicalType;
    private final ColumnType type;
    private byte[] bytes;
    private int offset;

    FixedReader(String name, LogicalType logicalType, ColumnType type) {
        super(name, logicalType.isNullable());
        this.logicalType = logicalType;
        this.type = type;
    }

    @Override
    void loadValues(BatchReader batch, int rows) {
        BatchReader.Slice values = batch.buffer(name, type.bytes(rows));
        bytes = values.bytes();
        offset = values.offset();
    }

    /** The bytes of {@code count} values from {@code first} on. */
    ByteBuffer slice(int first, int count) {
        return ByteBuffer.wrap(bytes, offset + type.bytes(first), type.bytes(count));
    }

    @Override
    Object value(int row) {
        return switch (type) {
            case BOOL -> Bytes.getBit(bytes, offset, row);
            case INT8 -> bytes[offset + row];
            case INT16 -> (short) Bytes.SHORT.get(bytes, offset + (row << 1));
            case INT32, DATE, TIME -> (int) Bytes.INT.get(bytes, offset + (row << 2));
            case INT64 -> (long) Bytes.LONG.get(bytes, offset + (row << 3));
            case FLOAT32 -> (float) Bytes.FLOAT.get(bytes, offset + (row << 2));
            case FLOAT64 -> (double) Bytes.DOUBLE.get(bytes, offset + (row << 3));
            case DECIMAL -> decimal((double) Bytes.DOUBLE.get(bytes, offset + (row << 3)));
            case TIMESTAMP -> timestamp((long) Bytes.LONG.get(bytes, offset + (row << 3)));
            case UTF8, BINARY, LIST -> throw new IllegalStateException(type + " has no fixed size");
        };
    }

    private DecimalData decimal(double value) {
        DecimalType decimal = (DecimalType) logicalType;
        if (!Double.isFinite(value)) {
            throw BatchReader.mismatch(name, value + " is no DECIMAL");
        }
        DecimalData data =
                DecimalData.fromBigDecimal(
                        BigDecimal.valueOf(value), decimal.getPrecision(), decimal.getScale());
        if (data == null) {
            throw BatchReader.mismatch(name, value + " is too large for " + decimal.asSummaryString());
        }
        return data;
    }

    private static TimestampData timestamp(long micros) {
        return TimestampData.fromEpochMillis(
                Math.floorDiv(micros, 1000L), (int) Math.floorMod(micros, 1000L) * 1000);
    }
}
