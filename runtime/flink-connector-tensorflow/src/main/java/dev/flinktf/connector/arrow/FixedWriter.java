package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

import java.util.Arrays;

/** Columns whose values all have the same size. */
abstract class FixedWriter extends ColumnWriter {

    final ColumnType type;
    byte[] values = new byte[0];

    private FixedWriter(int position, String name, LogicalType logicalType) {
        super(position, name, logicalType.isNullable());
        this.type = ColumnType.of(logicalType).orElseThrow();
    }

    static FixedWriter of(int position, String name, LogicalType type) {
        return switch (ColumnType.of(type).orElseThrow()) {
            case BOOL -> new BoolWriter(position, name, type);
            case INT8 -> new Int8Writer(position, name, type);
            case INT16 -> new Int16Writer(position, name, type);
            case INT32, DATE, TIME -> new Int32Writer(position, name, type);
            case INT64 -> new Int64Writer(position, name, type);
            case FLOAT32 -> new Float32Writer(position, name, type);
            case FLOAT64 -> new Float64Writer(position, name, type);
            case DECIMAL -> new DecimalWriter(position, name, type);
            case TIMESTAMP -> new TimestampWriter(position, name, type);
            case UTF8, BINARY, LIST -> throw new IllegalArgumentException(type + " has no fixed size");
        };
    }

    @Override
    void reserve(int rows) {
        super.reserve(rows);
        values = Arrays.copyOf(values, type.bytes(rows));
    }

    @Override
    int fixedBytes() {
        return type.bytes(1);
    }

    @Override
    void appendNull(int n) {
        int width = type.bytes(1);
        Arrays.fill(values, n * width, (n + 1) * width, (byte) 0);
    }

    @Override
    void collectValues(int rows, BatchBody body) {
        body.buffer(values, type.bytes(rows));
    }

    private static final class BoolWriter extends FixedWriter {
        BoolWriter(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            if (row.getBoolean(position)) {
                Bytes.setBit(values, n);
            }
        }

        /** The bit is 0 already: neighbours share its byte. */
        @Override
        void appendNull(int n) {}

        @Override
        void reset() {
            super.reset();
            Arrays.fill(values, (byte) 0);
        }
    }

    private static final class Int8Writer extends FixedWriter {
        Int8Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            values[n] = row.getByte(position);
        }
    }

    private static final class Int16Writer extends FixedWriter {
        Int16Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            Bytes.SHORT.set(values, n << 1, row.getShort(position));
        }
    }

    /** INT, DATE (days) and TIME (milliseconds), which Flink holds as int too. */
    private static final class Int32Writer extends FixedWriter {
        Int32Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            Bytes.INT.set(values, n << 2, row.getInt(position));
        }
    }

    private static final class Int64Writer extends FixedWriter {
        Int64Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            Bytes.LONG.set(values, n << 3, row.getLong(position));
        }
    }

    private static final class Float32Writer extends FixedWriter {
        Float32Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            Bytes.FLOAT.set(values, n << 2, row.getFloat(position));
        }
    }

    private static final class Float64Writer extends FixedWriter {
        Float64Writer(int position, String name, LogicalType type) {
            super(position, name, type);
        }

        @Override
        void appendValue(RowData row, int n) {
            Bytes.DOUBLE.set(values, n << 3, row.getDouble(position));
        }
    }

    private static final class DecimalWriter extends FixedWriter {
        private final int precision;
        private final int scale;

        DecimalWriter(int position, String name, LogicalType type) {
            super(position, name, type);
            this.precision = ((DecimalType) type).getPrecision();
            this.scale = ((DecimalType) type).getScale();
        }

        @Override
        void appendValue(RowData row, int n) {
            DecimalData decimal = row.getDecimal(position, precision, scale);
            Bytes.DOUBLE.set(values, n << 3, Decimals.toDouble(decimal));
        }
    }

    private static final class TimestampWriter extends FixedWriter {
        private final int precision;

        TimestampWriter(int position, String name, LogicalType type) {
            super(position, name, type);
            this.precision = LogicalTypeChecks.getPrecision(type);
        }

        @Override
        void appendValue(RowData row, int n) {
            TimestampData timestamp = row.getTimestamp(position, precision);
            long micros = timestamp.getMillisecond() * 1000 + timestamp.getNanoOfMillisecond() / 1000;
            Bytes.LONG.set(values, n << 3, micros);
        }
    }
}
