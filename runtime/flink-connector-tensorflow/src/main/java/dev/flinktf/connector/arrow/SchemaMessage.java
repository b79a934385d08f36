package dev.flinktf.connector.arrow;

import com.google.flatbuffers.FlatBufferBuilder;

import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

import org.apache.arrow.flatbuf.Binary;
import org.apache.arrow.flatbuf.Bool;
import org.apache.arrow.flatbuf.Date;
import org.apache.arrow.flatbuf.DateUnit;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Time;
import org.apache.arrow.flatbuf.TimeUnit;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Utf8;

import java.util.function.IntSupplier;

/** Writes the Arrow IPC encapsulated {@code Schema} message of a row type. */
final class SchemaMessage {

    private final FlatBufferBuilder builder = new FlatBufferBuilder(1024);

    private SchemaMessage() {}

    static byte[] of(RowType type) {
        return new SchemaMessage().write(type);
    }

    private byte[] write(RowType type) {
        int[] fields =
                type.getFields().stream().mapToInt(field -> field(field.getName(), field.getType())).toArray();
        int schema =
                Schema.createSchema(builder, Endianness.Little, Schema.createFieldsVector(builder, fields), 0, 0);
        int metadata = Encapsulated.finish(builder, MessageHeader.Schema, schema, 0);
        byte[] message = new byte[metadata];
        Encapsulated.copyMetadata(builder, message, metadata);
        return message;
    }

    private int field(String name, LogicalType type) {
        ColumnType column = ColumnType.of(type).orElseThrow();
        int[] children =
                column == ColumnType.LIST
                        ? new int[] {field("item", ((ArrayType) type).getElementType())}
                        : new int[0];
        int childrenVector = Field.createChildrenVector(builder, children);
        int nameOffset = builder.createString(name);
        int typeOffset = type(column);
        return Field.createField(
                builder, nameOffset, type.isNullable(), typeNumber(column), typeOffset, 0, childrenVector, 0);
    }

    private static byte typeNumber(ColumnType column) {
        return switch (column) {
            case BOOL -> Type.Bool;
            case INT8, INT16, INT32, INT64 -> Type.Int;
            case FLOAT32, FLOAT64, DECIMAL -> Type.FloatingPoint;
            case DATE -> Type.Date;
            case TIME -> Type.Time;
            case TIMESTAMP -> Type.Timestamp;
            case UTF8 -> Type.Utf8;
            case BINARY -> Type.Binary;
            case LIST -> Type.List;
        };
    }

    private int type(ColumnType column) {
        return switch (column) {
            case BOOL -> table(() -> Bool.startBool(builder), () -> Bool.endBool(builder));
            case INT8, INT16, INT32, INT64 -> Int.createInt(builder, column.bits(), true);
            case FLOAT32 -> FloatingPoint.createFloatingPoint(builder, Precision.SINGLE);
            case FLOAT64, DECIMAL -> FloatingPoint.createFloatingPoint(builder, Precision.DOUBLE);
            case DATE -> Date.createDate(builder, DateUnit.DAY);
            case TIME -> Time.createTime(builder, TimeUnit.MILLISECOND, column.bits());
            case TIMESTAMP -> Timestamp.createTimestamp(builder, TimeUnit.MICROSECOND, 0);
            case UTF8 -> table(() -> Utf8.startUtf8(builder), () -> Utf8.endUtf8(builder));
            case BINARY -> table(() -> Binary.startBinary(builder), () -> Binary.endBinary(builder));
            case LIST ->
                    table(
                            () -> org.apache.arrow.flatbuf.List.startList(builder),
                            () -> org.apache.arrow.flatbuf.List.endList(builder));
        };
    }

    /** A table without fields. */
    private static int table(Runnable start, IntSupplier end) {
        start.run();
        return end.getAsInt();
    }
}
