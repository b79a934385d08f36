package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** JSON payloads: unknown keys are ignored, a missing or mistyped one is an error that names it. */
final class Json {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    static Frame frame(FrameType type, ObjectNode payload) {
        return new Frame(type, payload.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** A text that is JSON itself. */
    static JsonNode value(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException("not JSON: " + error.getOriginalMessage());
        }
    }

    static JsonNode parse(Frame frame) throws ProtocolException {
        JsonNode node;
        try {
            node = MAPPER.readTree(frame.text());
        } catch (JsonProcessingException error) {
            throw new ProtocolException(frame.type() + " is not JSON: " + error.getOriginalMessage());
        }
        if (!node.isObject()) {
            throw new ProtocolException(frame.type() + " is not a JSON object: " + frame.text());
        }
        return node;
    }

    static long number(JsonNode node, FrameType type, String key) throws ProtocolException {
        JsonNode value = required(node, type, key);
        if (!value.isIntegralNumber()) {
            throw new ProtocolException(type + " '" + key + "' is " + value + ", not a whole number");
        }
        return value.longValue();
    }

    /** An object of numbers by their names. */
    static Map<String, Double> numbers(JsonNode node, FrameType type, String key) throws ProtocolException {
        Map<String, Double> numbers = new HashMap<>();
        for (Map.Entry<String, JsonNode> entry : required(node, type, key).properties()) {
            if (!entry.getValue().isNumber()) {
                throw new ProtocolException(
                        type + " '" + key + "." + entry.getKey() + "' is " + entry.getValue() + ", not a number");
            }
            numbers.put(entry.getKey(), entry.getValue().doubleValue());
        }
        return numbers;
    }

    static String text(JsonNode node, FrameType type, String key) throws ProtocolException {
        JsonNode value = required(node, type, key);
        if (!value.isTextual()) {
            throw new ProtocolException(type + " '" + key + "' is " + value + ", not a text");
        }
        return value.textValue();
    }

    /** The text at {@code key}, or null where the key is missing or null. */
    static String optionalText(JsonNode node, FrameType type, String key) throws ProtocolException {
        return node.hasNonNull(key) ? text(node, type, key) : null;
    }

    /** The truth value at {@code key}; false where the key is missing. */
    static boolean flag(JsonNode node, FrameType type, String key) throws ProtocolException {
        JsonNode value = node.path(key);
        if (!value.isMissingNode() && !value.isBoolean()) {
            throw new ProtocolException(type + " '" + key + "' is " + value + ", neither true nor false");
        }
        return value.booleanValue();
    }

    private static JsonNode required(JsonNode node, FrameType type, String key) throws ProtocolException {
        JsonNode value = node.get(key);
        if (value == null) {
            throw new ProtocolException(type + " lacks '" + key + "'");
        }
        return value;
    }
}
