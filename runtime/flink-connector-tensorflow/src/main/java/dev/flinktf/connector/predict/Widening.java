package dev.flinktf.connector.predict;

import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeUtils;

import java.math.BigDecimal;

/**
 * Makes the numbers of a row those that the model takes: ML_PREDICT lets an INT column stand for a FLOAT input, as SQL does
 * elsewhere, but Flink hands the INT over as it is.
 */
final class Widening {

    private final LogicalType[] types;
    /** What a value of the type is in memory; null for what is no number. */
    private final Class<?>[] classes;

    Widening(RowType input) {
        types = input.getChildren().toArray(LogicalType[]::new);
        classes = new Class<?>[types.length];
        for (int i = 0; i < types.length; i++) {
            classes[i] = types[i].is(LogicalTypeFamily.NUMERIC) ? LogicalTypeUtils.toInternalConversionClass(types[i]) : null;
        }
    }

    /** The same row. */
    RowData widen(GenericRowData row) {
        for (int i = 0; i < classes.length; i++) {
            Object value = row.getField(i);
            if (classes[i] != null && value != null && value.getClass() != classes[i]) {
                row.setField(i, convert(value, types[i]));
            }
        }
        return row;
    }

    private static Object convert(Object value, LogicalType type) {
        Number number = value instanceof DecimalData decimal ? decimal.toBigDecimal() : (Number) value;
        return switch (type.getTypeRoot()) {
            case TINYINT -> number.byteValue();
            case SMALLINT -> number.shortValue();
            case INTEGER -> number.intValue();
            case BIGINT -> number.longValue();
            case FLOAT -> number.floatValue();
            case DOUBLE -> number.doubleValue();
            default -> {
                DecimalType decimal = (DecimalType) type;
                yield DecimalData.fromBigDecimal(
                        new BigDecimal(number.toString()), decimal.getPrecision(), decimal.getScale());
            }
        };
    }
}
