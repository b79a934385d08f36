package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.Serializable;
import java.util.Base64;
import java.util.List;

/**
 * The columns of a stream.
 *
 * @param arrow the Arrow IPC encapsulated {@code Schema} message of the stream's batches
 */
public record StreamSchema(List<Column> columns, byte[] arrow) implements Serializable {

    /** One column; {@code type} is Flink's SQL type without {@code NOT NULL}. */
    public record Column(String name, String type, boolean nullable) implements Serializable {}

    ObjectNode json() {
        ObjectNode node = Json.object();
        ArrayNode array = node.putArray("columns");
        for (Column column : columns) {
            array.addObject()
                    .put("name", column.name())
                    .put("type", column.type())
                    .put("nullable", column.nullable());
        }
        return node.put("arrow", Base64.getEncoder().encodeToString(arrow));
    }
}
