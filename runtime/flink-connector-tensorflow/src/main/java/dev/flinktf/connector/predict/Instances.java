package dev.flinktf.connector.predict;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.json.JsonReadFeature;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.json.JsonMapper;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Where the instances of a job's roles are, at one moment.
 *
 * @param version which moment: it grows
 * @param roles of the job
 */
record Instances(long version, Set<String> roles, Map<String, Instance> byName) {

    /** Before anybody was asked. */
    static final Instances NONE = new Instances(0, Set.of(), Map.of());

    private static final Set<String> ENDED = Set.of("Done", "Failed", "Cancelled");

    /** Metrics may be NaN. */
    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    /** One process of a role; {@code address} is where it listens, or empty. */
    record Instance(String state, String address) {

        /** Whether it may listen. */
        boolean isThere() {
            return !address.isEmpty() && !ENDED.contains(state);
        }
    }

    /** Reads the answer to {@code GET /v1/status}. */
    static Instances parse(String status) throws JsonProcessingException {
        JsonNode node = MAPPER.readTree(status);
        Set<String> roles = new TreeSet<>();
        Map<String, Instance> instances = new HashMap<>();
        for (JsonNode each : node.path("roles")) {
            String role = each.path("role").asText();
            roles.add(role);
            instances.put(
                    name(role, each.path("index").asInt()),
                    new Instance(each.path("state").asText(), each.path("address").asText()));
        }
        return new Instances(node.path("version").asLong(), roles, instances);
    }

    /** The name of an instance, for example {@code predictor-0}. */
    static String name(String role, int index) {
        return role + "-" + index;
    }
}
