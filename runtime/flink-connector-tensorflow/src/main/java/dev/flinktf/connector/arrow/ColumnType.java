package dev.flinktf.connector.arrow;

import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;

import java.util.Optional;

/** The Arrow types that columns, and the items of list columns, travel as (docs/protocol.md, Types). */
enum ColumnType {
    BOOL(1),
    INT8(8),
    INT16(16),
    INT32(32),
    INT64(64),
    FLOAT32(32),
    FLOAT64(64),
    /** DECIMAL, sent as float64. */
    DECIMAL(64),
    DATE(32),
    TIME(32),
    /** Microseconds. */
    TIMESTAMP(64),
    UTF8(0),
    BINARY(0),
    LIST(0);

    private final int bits;

    ColumnType(int bits) {
        this.bits = bits;
    }

    /** The size of one value in bits, 0 where it varies. */
    int bits() {
        return bits;
    }

    /** The bytes of {@code count} values of fixed size. */
    int bytes(int count) {
        return (int) (((long) bits * count + 7) / 8);
    }

    boolean isFixed() {
        return bits > 0;
    }

    /** The type of a column, or nothing for a Flink type that has no tensor. */
    static Optional<ColumnType> of(LogicalType type) {
        return Optional.ofNullable(
                switch (type.getTypeRoot()) {
                    case BOOLEAN -> BOOL;
                    case TINYINT -> INT8;
                    case SMALLINT -> INT16;
                    case INTEGER -> INT32;
                    case BIGINT -> INT64;
                    case FLOAT -> FLOAT32;
                    case DOUBLE -> FLOAT64;
                    case DECIMAL -> DECIMAL;
                    case DATE -> DATE;
                    case TIME_WITHOUT_TIME_ZONE -> TIME;
                    case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> TIMESTAMP;
                    case CHAR, VARCHAR -> UTF8;
                    case BINARY, VARBINARY -> BINARY;
                    case ARRAY -> isItem(((ArrayType) type).getElementType()) ? LIST : null;
                    default -> null;
                });
    }

    private static boolean isItem(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DOUBLE, DECIMAL -> true;
            default -> false;
        };
    }
}
