package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.columnar.vector.ArrayColumnVector;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;

import org.apache.arrow.flatbuf.FieldNode;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads a list column into Flink arrays, over primitive ones where the items are numbers. */
final class ListReader extends ColumnReader implements ArrayColumnVector {

    private final ColumnType itemType;
    /** Converts single DECIMAL items. */
    private final FixedReader items;

    private BatchReader.Slice offsets;

    ListReader(String name, LogicalType type) {
        super(name, type.isNullable());
        LogicalType element = ((ArrayType) type).getElementType();
        this.itemType = ColumnType.of(element).orElseThrow();
        this.items = FixedReader.of(name, element);
    }

    @Override
    void loadValues(BatchReader batch, int rows) {
        offsets = offsets(batch, name, rows);
        int count = checkOffsets(offsets, name, rows);
        FieldNode node = batch.node(name);
        if (node.nullCount() > 0) {
            throw BatchReader.mismatch(name, "an array has a NULL item");
        }
        batch.buffer(name, 0);
        if (node.length() < count) {
            throw BatchReader.mismatch(name, "it has " + node.length() + " items, its offsets want " + count);
        }
        items.loadValues(batch, count);
    }

    @Override
    boolean mayRefuseValues() {
        return items.mayRefuseValues();
    }

    @Override
    Object value(int row) {
        return getArray(row);
    }

    @Override
    public ArrayData getArray(int row) {
        int first = offsets.getInt(row);
        int count = offsets.getInt(row + 1) - first;
        return switch (itemType) {
            case BOOL -> bools(first, count);
            case DECIMAL -> decimals(first, count);
            default -> numbers(first, count);
        };
    }

    private GenericArrayData bools(int first, int count) {
        boolean[] values = new boolean[count];
        for (int i = 0; i < count; i++) {
            values[i] = (boolean) items.value(first + i);
        }
        return new GenericArrayData(values);
    }

    private GenericArrayData decimals(int first, int count) {
        Object[] values = new DecimalData[count];
        for (int i = 0; i < count; i++) {
            values[i] = items.value(first + i);
        }
        return new GenericArrayData(values);
    }

    private GenericArrayData numbers(int first, int count) {
        ByteBuffer source = items.slice(first, count).order(ByteOrder.LITTLE_ENDIAN);
        switch (itemType) {
            case INT8 -> {
                byte[] values = new byte[count];
                source.get(values);
                return new GenericArrayData(values);
            }
            case INT16 -> {
                short[] values = new short[count];
                source.asShortBuffer().get(values);
                return new GenericArrayData(values);
            }
            case INT32 -> {
                int[] values = new int[count];
                source.asIntBuffer().get(values);
                return new GenericArrayData(values);
            }
            case INT64 -> {
                long[] values = new long[count];
                source.asLongBuffer().get(values);
                return new GenericArrayData(values);
            }
            case FLOAT32 -> {
                float[] values = new float[count];
                source.asFloatBuffer().get(values);
                return new GenericArrayData(values);
            }
            case FLOAT64 -> {
                double[] values = new double[count];
                source.asDoubleBuffer().get(values);
                return new GenericArrayData(values);
            }
            default -> throw new IllegalStateException(itemType + " is not a number");
        }
    }
}
