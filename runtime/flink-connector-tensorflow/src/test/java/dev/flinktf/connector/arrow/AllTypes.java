package dev.flinktf.connector.arrow;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A row type with every type that travels, and rows of it with random values. */
final class AllTypes {

    private static final List<String> STRINGS = List.of("", "a", "ä€", "𝄞", "a longer text with 𝄞");

    static final RowType NULLABLE = type(true);
    static final RowType NOT_NULL = type(false);

    private AllTypes() {}

    private static RowType type(boolean nullable) {
        List<DataType> types =
                new ArrayList<>(
                        List.of(
                                DataTypes.BOOLEAN(), DataTypes.TINYINT(), DataTypes.SMALLINT(), DataTypes.INT(),
                                DataTypes.BIGINT(), DataTypes.FLOAT(), DataTypes.DOUBLE(), DataTypes.DECIMAL(10, 2),
                                DataTypes.DECIMAL(30, 5), DataTypes.CHAR(3), DataTypes.STRING(), DataTypes.BINARY(2),
                                DataTypes.BYTES(), DataTypes.DATE(), DataTypes.TIME(), DataTypes.TIMESTAMP(3),
                                DataTypes.TIMESTAMP(6), DataTypes.TIMESTAMP_LTZ(6)));
        for (DataType item :
                List.of(
                        DataTypes.BOOLEAN(), DataTypes.TINYINT(), DataTypes.SMALLINT(), DataTypes.INT(),
                        DataTypes.BIGINT(), DataTypes.FLOAT(), DataTypes.DOUBLE(), DataTypes.DECIMAL(10, 2))) {
            types.add(DataTypes.ARRAY(nullable ? item : item.notNull()));
        }
        List<RowType.RowField> fields = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            LogicalType logical = types.get(i).getLogicalType().copy(nullable);
            fields.add(new RowType.RowField("c" + i, logical));
        }
        return new RowType(fields);
    }

    static RowData row(RowType type, Random random, double nullRate) {
        GenericRowData row = new GenericRowData(type.getFieldCount());
        for (int i = 0; i < type.getFieldCount(); i++) {
            LogicalType field = type.getTypeAt(i);
            row.setField(i, field.isNullable() && random.nextDouble() < nullRate ? null : value(field, random));
        }
        return row;
    }

    private static Object value(LogicalType type, Random random) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> random.nextBoolean();
            case TINYINT -> (byte) random.nextInt();
            case SMALLINT -> (short) random.nextInt();
            case INTEGER -> random.nextInt();
            case BIGINT -> random.nextLong();
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextGaussian();
            case DECIMAL -> decimal((DecimalType) type, random);
            case CHAR, VARCHAR -> StringData.fromString(STRINGS.get(random.nextInt(STRINGS.size())));
            case BINARY, VARBINARY -> Integer.toString(random.nextInt()).getBytes(StandardCharsets.UTF_8);
            case DATE -> random.nextInt(40_000) - 10_000;
            case TIME_WITHOUT_TIME_ZONE -> random.nextInt(86_400_000);
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    timestamp(LogicalTypeChecks.getPrecision(type), random);
            case ARRAY -> array(((ArrayType) type).getElementType(), random);
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    private static TimestampData timestamp(int precision, Random random) {
        return TimestampData.fromEpochMillis(random.nextInt(), precision <= 3 ? 0 : random.nextInt(1000) * 1000);
    }

    private static DecimalData decimal(DecimalType type, Random random) {
        BigDecimal value = BigDecimal.valueOf(random.nextInt(1_000_000_000), 2);
        return DecimalData.fromBigDecimal(value, type.getPrecision(), type.getScale());
    }

    private static ArrayData array(LogicalType item, Random random) {
        Object[] values = new Object[random.nextInt(5)];
        for (int i = 0; i < values.length; i++) {
            values[i] = value(item, random);
        }
        return new GenericArrayData(values);
    }

    /** The values of a row as plain Java objects that can be compared. */
    static List<Object> values(RowData row, RowType type) {
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < type.getFieldCount(); i++) {
            values.add(plain(RowData.createFieldGetter(type.getTypeAt(i), i).getFieldOrNull(row), type.getTypeAt(i)));
        }
        return values;
    }

    private static Object plain(Object value, LogicalType type) {
        if (value instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        if (value instanceof ArrayData array) {
            LogicalType item = ((ArrayType) type).getElementType();
            ArrayData.ElementGetter getter = ArrayData.createElementGetter(item);
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < array.size(); i++) {
                items.add(getter.getElementOrNull(array, i));
            }
            return items;
        }
        return value;
    }
}
