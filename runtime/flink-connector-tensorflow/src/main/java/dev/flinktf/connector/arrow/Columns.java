package dev.flinktf.connector.arrow;

import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

import dev.flinktf.connector.protocol.StreamSchema;

import java.util.List;

/** Checks and describes the columns of a stream, when the job is built. */
public final class Columns {

    private static final int MICROSECONDS = 6;

    private Columns() {}

    /**
     * What HELLO says about rows of this type.
     *
     * @throws ValidationException naming the first column whose type cannot become a tensor, and the way out
     */
    public static StreamSchema schema(RowType type) {
        check(type);
        List<StreamSchema.Column> columns =
                type.getFields().stream()
                        .map(field -> new StreamSchema.Column(
                                field.getName(), sqlType(field.getType()), field.getType().isNullable()))
                        .toList();
        return new StreamSchema(columns, SchemaMessage.of(type));
    }

    private static void check(RowType type) {
        if (type.getFieldCount() == 0) {
            throw new ValidationException("A role needs at least one column.");
        }
        for (RowType.RowField field : type.getFields()) {
            if (ColumnType.of(field.getType()).isEmpty()) {
                throw new ValidationException(
                        String.format(
                                "Column '%s' is %s, which does not become a tensor. Types that do: BOOLEAN, the numbers, "
                                        + "strings, bytes, DATE, TIME, TIMESTAMP, TIMESTAMP_LTZ, and ARRAY of BOOLEAN or "
                                        + "numbers. Convert it, for example CAST(`%s` AS STRING), select what is in it "
                                        + "field by field, or leave it out.",
                                field.getName(), field.getType().asSummaryString(), field.getName()));
            }
        }
    }

    /** Whether a value of this type comes back from Arrow as it was: DECIMALs and nanoseconds do not. */
    public static boolean isExact(LogicalType type) {
        return switch (ColumnType.of(type).orElseThrow()) {
            case DECIMAL -> false;
            case TIMESTAMP -> LogicalTypeChecks.getPrecision(type) <= MICROSECONDS;
            case LIST -> isExact(((ArrayType) type).getElementType());
            default -> true;
        };
    }

    private static String sqlType(LogicalType type) {
        LogicalType plain = type.copy(true);
        if (plain instanceof ArrayType array) {
            plain = new ArrayType(array.getElementType().copy(true));
        }
        return plain.asSerializableString();
    }
}
