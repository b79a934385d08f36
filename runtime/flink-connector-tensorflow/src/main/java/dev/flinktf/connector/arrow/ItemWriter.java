package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.binary.BinaryArrayData;
import org.apache.flink.table.data.binary.BinarySegmentUtils;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Copies the items of Flink arrays into a list column's values, in bulk where the array allows it. */
abstract class ItemWriter {

    private final String column;
    private final boolean nullable;

    private ItemWriter(String column, LogicalType type) {
        this.column = column;
        this.nullable = type.isNullable();
    }

    static ItemWriter of(String column, LogicalType type) {
        return switch (ColumnType.of(type).orElseThrow()) {
            case BOOL -> new Bools(column, type);
            case DECIMAL -> new DecimalItems(column, type);
            case INT8, INT16, INT32, INT64, FLOAT32, FLOAT64 -> new Numbers(column, type);
            default -> throw new IllegalArgumentException(type + " is not the item of a list column");
        };
    }

    /** Writes the {@code count} items of {@code array} as the items {@code first}… of {@code values}. */
    final void write(ArrayData array, int count, byte[] values, int first) {
        if (nullable && anyNull(array, count)) {
            throw new IllegalArgumentException(
                    String.format(
                            "Column '%s' has an array with a NULL item, and a tensor cannot hold one. Replace it, for "
                                    + "example by ARRAY_REMOVE(`%s`, NULL), or filter the row out.",
                            column, column));
        }
        copy(array, count, values, first);
    }

    abstract void copy(ArrayData array, int count, byte[] values, int first);

    private static boolean anyNull(ArrayData array, int count) {
        if (array instanceof BinaryArrayData binary) {
            return binary.anyNull();
        }
        if (array instanceof GenericArrayData generic && generic.isPrimitiveArray()) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (array.isNullAt(i)) {
                return true;
            }
        }
        return false;
    }

    /** Flink's binary arrays hold the numbers as Arrow does; others hand out a primitive array. */
    private static final class Numbers extends ItemWriter {
        private final ColumnType type;
        private final int width;

        Numbers(String column, LogicalType type) {
            super(column, type);
            this.type = ColumnType.of(type).orElseThrow();
            this.width = this.type.bytes(1);
        }

        @Override
        void copy(ArrayData array, int count, byte[] values, int first) {
            if (array instanceof BinaryArrayData binary) {
                int items = binary.getOffset() + BinaryArrayData.calculateHeaderInBytes(count);
                BinarySegmentUtils.copyToBytes(binary.getSegments(), items, values, first * width, count * width);
            } else if (array instanceof GenericArrayData generic && !generic.isPrimitiveArray()) {
                copyBoxed(generic, count, values, first);
            } else {
                copyPrimitive(array, count, ByteBuffer.wrap(values, first * width, count * width));
            }
        }

        private void copyPrimitive(ArrayData array, int count, ByteBuffer target) {
            target.order(ByteOrder.LITTLE_ENDIAN);
            switch (type) {
                case INT8 -> target.put(array.toByteArray(), 0, count);
                case INT16 -> target.asShortBuffer().put(array.toShortArray(), 0, count);
                case INT32 -> target.asIntBuffer().put(array.toIntArray(), 0, count);
                case INT64 -> target.asLongBuffer().put(array.toLongArray(), 0, count);
                case FLOAT32 -> target.asFloatBuffer().put(array.toFloatArray(), 0, count);
                default -> target.asDoubleBuffer().put(array.toDoubleArray(), 0, count);
            }
        }

        /** Such an array may be an {@code Object[]}, which Flink does not turn into a primitive one. */
        private void copyBoxed(GenericArrayData array, int count, byte[] values, int first) {
            for (int i = 0; i < count; i++) {
                int at = (first + i) * width;
                switch (type) {
                    case INT8 -> values[at] = array.getByte(i);
                    case INT16 -> Bytes.SHORT.set(values, at, array.getShort(i));
                    case INT32 -> Bytes.INT.set(values, at, array.getInt(i));
                    case INT64 -> Bytes.LONG.set(values, at, array.getLong(i));
                    case FLOAT32 -> Bytes.FLOAT.set(values, at, array.getFloat(i));
                    default -> Bytes.DOUBLE.set(values, at, array.getDouble(i));
                }
            }
        }
    }

    private static final class Bools extends ItemWriter {
        Bools(String column, LogicalType type) {
            super(column, type);
        }

        @Override
        void copy(ArrayData array, int count, byte[] values, int first) {
            for (int i = 0; i < count; i++) {
                if (array.getBoolean(i)) {
                    Bytes.setBit(values, first + i);
                }
            }
        }
    }

    private static final class DecimalItems extends ItemWriter {
        private final int precision;
        private final int scale;

        DecimalItems(String column, LogicalType type) {
            super(column, type);
            this.precision = ((DecimalType) type).getPrecision();
            this.scale = ((DecimalType) type).getScale();
        }

        @Override
        void copy(ArrayData array, int count, byte[] values, int first) {
            for (int i = 0; i < count; i++) {
                double value = Decimals.toDouble(array.getDecimal(i, precision, scale));
                Bytes.DOUBLE.set(values, (first + i) << 3, value);
            }
        }
    }
}
