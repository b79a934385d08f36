package dev.flinktf.connector;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

import java.time.Duration;

/**
 * Everything that can be set: {@code flinktf.*} keys in Flink's configuration, which flinktf writes from the
 * FlinkTFJob, and the options of a table or stream that feeds a role.
 */
public final class FlinkTFOptions {

    /** What all keys about one role begin with; its name follows. */
    public static final String ROLE_PREFIX = "flinktf.role.";

    private static final String REPLICAS_SUFFIX = ".replicas";

    public static final ConfigOption<String> JOB_NAME =
            ConfigOptions.key("flinktf.job-name")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("The FlinkTFJob that this Flink job is; without it, pipeline.name.");

    public static final ConfigOption<Duration> CONNECT_TIMEOUT =
            ConfigOptions.key("flinktf.agent.connect-timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(30))
                    .withDescription("How long a subtask waits for the agent's socket on its TaskManager.");

    public static final ConfigOption<Double> PIPELINE_CPU =
            ConfigOptions.key("flinktf.pipeline.slot.cpu")
                    .doubleType()
                    .defaultValue(1.0)
                    .withDescription("CPU cores of a slot of the pipeline.");

    public static final ConfigOption<MemorySize> PIPELINE_HEAP =
            ConfigOptions.key("flinktf.pipeline.slot.heap")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(64))
                    .withDescription("Task heap memory of a slot of the pipeline.");

    public static final ConfigOption<MemorySize> PIPELINE_MANAGED =
            ConfigOptions.key("flinktf.pipeline.slot.managed")
                    .memoryType()
                    .defaultValue(MemorySize.ZERO)
                    .withDescription("Managed memory of a slot of the pipeline: state backends and Python functions need it.");

    public static final ConfigOption<Integer> PIPELINE_SLOTS =
            ConfigOptions.key("flinktf.pipeline.slots")
                    .intType()
                    .noDefaultValue()
                    .withDescription("How many slots the pipeline has: the highest parallelism in it.");

    public static final ConfigOption<String> ROLE =
            ConfigOptions.key("role")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("The role that the records are for.");

    public static final ConfigOption<MemorySize> BATCH_BYTES =
            ConfigOptions.key("batch.bytes")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(1))
                    .withDescription("A batch is sent when it has this much data; at most 16 MiB.");

    public static final ConfigOption<Integer> BATCH_ROWS =
            ConfigOptions.key("batch.rows")
                    .intType()
                    .defaultValue(65536)
                    .withDescription("A batch is sent when it has this many rows.");

    public static final ConfigOption<Duration> BATCH_LINGER =
            ConfigOptions.key("batch.linger")
                    .durationType()
                    .defaultValue(Duration.ofMillis(100))
                    .withDescription("A batch that is not full is sent after this time.");

    public static final ConfigOption<String> PARTITION_BY =
            ConfigOptions.key("partition-by")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("A column: rows with the same value go to the same subtask of the role.");

    public static final ConfigOption<String> SHARES =
            ConfigOptions.key("shares")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "How many rows of a round each subtask of the role gets, for example 1,9; without it, one. With "
                                    + "'all', every subtask gets every row.");

    private FlinkTFOptions() {}

    /** {@code flinktf.role.<role>.replicas}: how many subtasks the role has. */
    public static ConfigOption<Integer> replicas(String role) {
        return ConfigOptions.key(ROLE_PREFIX + role + REPLICAS_SUFFIX).intType().noDefaultValue();
    }

    /** {@code flinktf.role.<role>.program}: what the role's processes run instead of the manifest's entrypoint, as JSON. */
    public static ConfigOption<String> program(String role) {
        return ConfigOptions.key(ROLE_PREFIX + role + ".program").stringType().noDefaultValue();
    }

    /** {@code flinktf.role.<role>.slot.cpu}: CPU cores of the role's slots. */
    public static ConfigOption<Double> slotCpu(String role) {
        return ConfigOptions.key(ROLE_PREFIX + role + ".slot.cpu").doubleType().defaultValue(1.0);
    }

    /** {@code flinktf.role.<role>.slot.heap}: task heap memory of the role's slots. */
    public static ConfigOption<MemorySize> slotHeap(String role) {
        return ConfigOptions.key(ROLE_PREFIX + role + ".slot.heap")
                .memoryType()
                .defaultValue(MemorySize.ofMebiBytes(64));
    }
}
