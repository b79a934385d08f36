package dev.flinktf.connector.client;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.ValidationException;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the roles of a job run: how many nodes of each type there are, their entry, and properties that the entry reads with
 * {@code context.get_property}. Where the nodes run, and how large they are, the FlinkTFJob says.
 */
public final class TFClusterConfig {

    public static final String WORKER = "worker";
    public static final String PS = "ps";

    /** HELLO has 1 MiB for everything. */
    private static final int LARGEST_PROGRAM = 768 << 10;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, Integer> nodeTypes;
    private final Map<String, String> properties;
    private final Entry entry;

    /**
     * The Python function that each node runs: one of three.
     *
     * @param file the path of a Python file, and {@code name} a function in it
     * @param reference {@code module:function}
     * @param pickled the function itself, by cloudpickle, in base64
     */
    private record Entry(String file, String name, String reference, String pickled) {}

    private TFClusterConfig(Builder builder) {
        nodeTypes = Collections.unmodifiableMap(new LinkedHashMap<>(builder.nodeTypes));
        properties = Collections.unmodifiableMap(new LinkedHashMap<>(builder.properties));
        entry = builder.entry;
    }

    public static Builder newBuilder() {
        return new Builder();
    }

    /** A builder that begins with what this one says. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.nodeTypes.putAll(nodeTypes);
        builder.properties.putAll(properties);
        builder.entry = entry;
        return builder;
    }

    public Map<String, Integer> getNodeTypeCntMap() {
        return nodeTypes;
    }

    public Map<String, String> getProperties() {
        return properties;
    }

    /** The property's value, or null. */
    public String getProperty(String key) {
        return properties.get(key);
    }

    /**
     * What goes to the role processes.
     *
     * @param epochs how often the dataset of the records from Flink can be read
     */
    String program(int epochs) {
        ObjectNode node = JSON.createObjectNode();
        if (entry != null) {
            node.put("file", entry.file()).put("name", entry.name());
            node.put("reference", entry.reference()).put("pickled", entry.pickled());
        }
        node.put("epochs", epochs);
        node.set("properties", JSON.valueToTree(properties));
        String program = node.toString();
        if (program.length() > LARGEST_PROGRAM) {
            throw new ValidationException(
                    String.format(
                            "The node entry and its properties take %d KiB; there is room for %d. What is large belongs into "
                                    + "a file that the roles can read, and its path into a property.",
                            program.length() >> 10, LARGEST_PROGRAM >> 10));
        }
        return program;
    }

    /** Builds a {@link TFClusterConfig}. */
    public static final class Builder {

        private final Map<String, Integer> nodeTypes = new LinkedHashMap<>();
        private final Map<String, String> properties = new LinkedHashMap<>();
        private Entry entry;

        private Builder() {}

        /** So many nodes of a type: a role of the FlinkTFJob, and its replicas. */
        public Builder addNodeType(String nodeType, int count) {
            nodeTypes.put(nodeType, count);
            return this;
        }

        public Builder setWorkerCount(int count) {
            return addNodeType(WORKER, count);
        }

        /** The same as {@link #setWorkerCount}. */
        public Builder setWorldSize(int count) {
            return addNodeType(WORKER, count);
        }

        public Builder setPsCount(int count) {
            return addNodeType(PS, count);
        }

        public Builder setProperty(String key, String value) {
            properties.put(key, value);
            return this;
        }

        /** The function {@code name} of a Python file: a path, or relative to the folder of the job's code. */
        public Builder setNodeEntry(String file, String name) {
            entry = new Entry(file, name, null, null);
            return this;
        }

        /** The same as {@link #setNodeEntry(String, String)}. */
        public Builder setPythonEntry(String file, String name) {
            return setNodeEntry(file, name);
        }

        /** {@code module:function}, where the modules of the job's code are found. */
        public Builder setNodeEntry(String reference) {
            entry = new Entry(null, null, reference, null);
            return this;
        }

        /** A function that is in no module which the roles can import: by cloudpickle, in base64. */
        public Builder setPickledEntry(String pickled) {
            entry = new Entry(null, null, null, pickled);
            return this;
        }

        public TFClusterConfig build() {
            if (nodeTypes.isEmpty()) {
                throw new ValidationException("The cluster has no nodes: setWorkerCount, setWorldSize or addNodeType.");
            }
            return new TFClusterConfig(this);
        }
    }
}
