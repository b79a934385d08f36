package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.columnar.vector.BooleanColumnVector;
import org.apache.flink.table.data.columnar.vector.ByteColumnVector;
import org.apache.flink.table.data.columnar.vector.DecimalColumnVector;
import org.apache.flink.table.data.columnar.vector.DoubleColumnVector;
import org.apache.flink.table.data.columnar.vector.FloatColumnVector;
import org.apache.flink.table.data.columnar.vector.IntColumnVector;
import org.apache.flink.table.data.columnar.vector.LongColumnVector;
import org.apache.flink.table.data.columnar.vector.ShortColumnVector;
import org.apache.flink.table.data.columnar.vector.TimestampColumnVector;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;

import java.math.BigDecimal;
import java.nio.ByteBuffer;

/** Reads columns whose values all have the same size. */
abstract class FixedReader extends ColumnReader {
    final ColumnType type;
    byte[] bytes;
    int offset;

    private FixedReader(String name, LogicalType logicalType) {
        super(name, logicalType.isNullable());
        this.type = ColumnType.of(logicalType).orElseThrow();
    }

    static FixedReader of(String name, LogicalType type) {
        return switch (ColumnType.of(type).orElseThrow()) {
            case BOOL -> new BoolReader(name, type);
            case INT8 -> new Int8Reader(name, type);
            case INT16 -> new Int16Reader(name, type);
            case INT32, DATE, TIME -> new Int32Reader(name, type);
            case INT64 -> new Int64Reader(name, type);
            case FLOAT32 -> new Float32Reader(name, type);
            case FLOAT64 -> new Float64Reader(name, type);
            case DECIMAL -> new DecimalReader(name, type);
            case TIMESTAMP -> new TimestampReader(name, type);
            case UTF8, BINARY, LIST -> throw new IllegalArgumentException(type + " has no fixed size");
        };
    }

    @Override
    final void loadValues(BatchReader batch, int rows) {
        BatchReader.Slice values = batch.buffer(name, type.bytes(rows));
        bytes = values.bytes();
        offset = values.offset();
    }

    /** The bytes of {@code count} values from {@code first} on. */
    final ByteBuffer slice(int first, int count) {
        return ByteBuffer.wrap(bytes, offset + type.bytes(first), type.bytes(count));
    }

    private static final class BoolReader extends FixedReader implements BooleanColumnVector {
        BoolReader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public boolean getBoolean(int row) {
            return Bytes.getBit(bytes, offset, row);
        }

        @Override
        Object value(int row) {
            return getBoolean(row);
        }
    }

    private static final class Int8Reader extends FixedReader implements ByteColumnVector {
        Int8Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public byte getByte(int row) {
            return bytes[offset + row];
        }

        @Override
        Object value(int row) {
            return getByte(row);
        }
    }

    private static final class Int16Reader extends FixedReader implements ShortColumnVector {
        Int16Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public short getShort(int row) {
            return (short) Bytes.SHORT.get(bytes, offset + (row << 1));
        }

        @Override
        Object value(int row) {
            return getShort(row);
        }
    }

    /** INT, DATE (days) and TIME (milliseconds). */
    private static final class Int32Reader extends FixedReader implements IntColumnVector {
        Int32Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public int getInt(int row) {
            return (int) Bytes.INT.get(bytes, offset + (row << 2));
        }

        @Override
        Object value(int row) {
            return getInt(row);
        }
    }

    private static final class Int64Reader extends FixedReader implements LongColumnVector {
        Int64Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public long getLong(int row) {
            return (long) Bytes.LONG.get(bytes, offset + (row << 3));
        }

        @Override
        Object value(int row) {
            return getLong(row);
        }
    }

    private static final class Float32Reader extends FixedReader implements FloatColumnVector {
        Float32Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public float getFloat(int row) {
            return (float) Bytes.FLOAT.get(bytes, offset + (row << 2));
        }

        @Override
        Object value(int row) {
            return getFloat(row);
        }
    }

    private static final class Float64Reader extends FixedReader implements DoubleColumnVector {
        Float64Reader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public double getDouble(int row) {
            return (double) Bytes.DOUBLE.get(bytes, offset + (row << 3));
        }

        @Override
        Object value(int row) {
            return getDouble(row);
        }
    }

    private static final class DecimalReader extends FixedReader implements DecimalColumnVector {
        private final DecimalType logicalType;

        DecimalReader(String name, LogicalType type) {
            super(name, type);
            this.logicalType = (DecimalType) type;
        }

        @Override
        public DecimalData getDecimal(int row, int precision, int scale) {
            double value = (double) Bytes.DOUBLE.get(bytes, offset + (row << 3));
            if (!Double.isFinite(value)) {
                throw BatchReader.mismatch(name, value + " is no DECIMAL");
            }
            DecimalData data = DecimalData.fromBigDecimal(BigDecimal.valueOf(value), precision, scale);
            if (data == null) {
                throw BatchReader.mismatch(name, value + " is too large for " + logicalType.asSummaryString());
            }
            return data;
        }

        @Override
        Object value(int row) {
            return getDecimal(row, logicalType.getPrecision(), logicalType.getScale());
        }

        @Override
        boolean mayRefuseValues() {
            return true;
        }
    }

    private static final class TimestampReader extends FixedReader implements TimestampColumnVector {
        TimestampReader(String name, LogicalType type) {
            super(name, type);
        }

        @Override
        public TimestampData getTimestamp(int row, int precision) {
            long micros = (long) Bytes.LONG.get(bytes, offset + (row << 3));
            return TimestampData.fromEpochMillis(
                    Math.floorDiv(micros, 1000L), (int) Math.floorMod(micros, 1000L) * 1000);
        }

        @Override
        Object value(int row) {
            return getTimestamp(row, 6);
        }
    }
}
