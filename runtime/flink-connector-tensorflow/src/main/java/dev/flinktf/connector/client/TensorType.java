package dev.flinktf.connector.client;

import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** DL on Flink's names of types, as they stand in {@code input_types} and {@code output_types}. */
public enum TensorType {
    FLOAT_32(LogicalTypeRoot.FLOAT),
    FLOAT_64(LogicalTypeRoot.DOUBLE),
    INT_32(LogicalTypeRoot.INTEGER),
    INT_64(LogicalTypeRoot.BIGINT),
    STRING(LogicalTypeRoot.VARCHAR, LogicalTypeRoot.CHAR);

    private final Set<LogicalTypeRoot> roots;

    TensorType(LogicalTypeRoot... roots) {
        this.roots = Set.of(roots);
    }

    /**
     * The name of a column's type.
     *
     * @throws ValidationException for a type that has none; it names the column and the way out
     */
    public static TensorType of(String column, LogicalType type) {
        return Arrays.stream(values())
                .filter(one -> one.roots.contains(type.getTypeRoot()))
                .findFirst()
                .orElseThrow(
                        () -> new ValidationException(
                                String.format(
                                        "Column '%s' is %s, which has no name among %s: CAST it to FLOAT, DOUBLE, INT, BIGINT "
                                                + "or STRING, or read it without 'input_types', by context.dataset(…).",
                                        column, type.copy(true).asSummaryString(), Arrays.toString(values()))));
    }

    /**
     * Requires that the columns of {@code type} are what {@code names} says.
     *
     * @param property where the names stand, for the error
     * @param names separated by commas, for example {@code "FLOAT_32,INT_64"}
     */
    static void require(String property, String names, RowType type) {
        List<String> named = Arrays.stream(names.split(",")).map(String::trim).toList();
        if (named.size() != type.getFieldCount()) {
            throw new ValidationException(
                    String.format(
                            "'%s' names %d type(s), %s; the table has %d column(s), %s.",
                            property, named.size(), named, type.getFieldCount(), type.getFieldNames()));
        }
        for (int i = 0; i < named.size(); i++) {
            String column = type.getFieldNames().get(i);
            TensorType found = of(column, type.getTypeAt(i));
            if (found != parse(property, named.get(i))) {
                throw new ValidationException(
                        String.format(
                                "'%s' says that column '%s' is %s; it is %s, %s.",
                                property, column, named.get(i), type.getTypeAt(i).copy(true).asSummaryString(), found));
            }
        }
    }

    private static TensorType parse(String property, String name) {
        // The documentation of DL on Flink writes FLOAT32 in places.
        String plain = name.toUpperCase(Locale.ROOT).replace("_", "");
        return Arrays.stream(values())
                .filter(one -> one.name().replace("_", "").equals(plain))
                .findFirst()
                .orElseThrow(
                        () -> new ValidationException(
                                String.format(
                                        "'%s': there is no type '%s'; there are %s.",
                                        property, name, Arrays.toString(values()))));
    }
}
