package dev.flinktf.connector.role;

import dev.flinktf.connector.FlinkTFOptions;
import dev.flinktf.connector.protocol.Mode;
import dev.flinktf.connector.protocol.StreamSchema;

import org.apache.flink.api.common.operators.SlotSharingGroup;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;

import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What Flink's configuration says about one role, when the job is built.
 *
 * <p>Each TaskManager pool R registers the external resource {@code role-R}, and each slot sharing group asks for the one
 * of its pool: so Flink's scheduler puts one subtask of a role on each of its TaskManagers, and the rest of the job on
 * the pipeline's.
 */
public final class RoleSettings {

    private static final String UNNAMED_JOB = "flinktf";

    /** Operators that name no group are in this one: with its profile, the whole pipeline asks for its own pool. */
    private static final String DEFAULT_GROUP = "default";

    private static final Pattern REPLICAS =
            Pattern.compile(Pattern.quote(FlinkTFOptions.ROLE_PREFIX) + "(.+)\\.replicas");

    private final ReadableConfig configuration;
    private final String role;
    private final int replicas;

    private RoleSettings(ReadableConfig configuration, String role, int replicas) {
        this.configuration = configuration;
        this.role = role;
        this.replicas = replicas;
    }

    /**
     * The settings of a role.
     *
     * @param wanted replicas that the caller asked for, if it did
     * @throws ValidationException for a role that the FlinkTFJob does not have, and for replicas that are not known or
     *     contradict the FlinkTFJob
     */
    public static RoleSettings of(ReadableConfig configuration, String role, Optional<Integer> wanted) {
        Set<String> known = roles(configuration);
        if (!known.isEmpty() && !known.contains(role)) {
            throw new ValidationException(
                    String.format("There is no role '%s'; the FlinkTFJob has the roles %s.", role, known));
        }
        Optional<Integer> configured = configuration.getOptional(FlinkTFOptions.replicas(role));
        if (configured.isPresent() && wanted.isPresent() && !configured.get().equals(wanted.get())) {
            throw new ValidationException(
                    String.format(
                            "'sink.parallelism' is %d, but role '%s' has %d replicas, and every replica is one subtask; "
                                    + "leave the option out.",
                            wanted.get(), role, configured.get()));
        }
        int replicas =
                configured.or(() -> wanted)
                        .orElseThrow(
                                () -> new ValidationException(
                                        String.format(
                                                "How many replicas has role '%s'? Set '%s' in Flink's configuration, or "
                                                        + "'sink.parallelism' of the table.",
                                                role, FlinkTFOptions.replicas(role).key())));
        return new RoleSettings(configuration, role, replicas);
    }

    /** The roles of the FlinkTFJob; none where flinktf has not written the configuration. */
    public static Set<String> roles(ReadableConfig configuration) {
        Set<String> roles = new TreeSet<>();
        for (String key : configuration.toMap().keySet()) {
            Matcher matcher = REPLICAS.matcher(key);
            if (matcher.matches()) {
                roles.add(matcher.group(1));
            }
        }
        return roles;
    }

    public String role() {
        return role;
    }

    public int replicas() {
        return replicas;
    }

    /** The name of the FlinkTFJob. */
    public String job() {
        return configuration.getOptional(FlinkTFOptions.JOB_NAME)
                .or(() -> configuration.getOptional(PipelineOptions.NAME))
                .orElse(UNNAMED_JOB);
    }

    /** What the role's subtasks have in common. */
    public RoleSpec spec(Mode mode, StreamSchema schema, StreamSchema outputSchema) {
        return new RoleSpec(
                job(),
                role,
                replicas,
                mode,
                configuration.get(FlinkTFOptions.CONNECT_TIMEOUT),
                schema,
                outputSchema,
                configuration.get(FlinkTFOptions.program(role)));
    }

    /** The group of the role's own operators. */
    public SlotSharingGroup group() {
        return SlotSharingGroup.newBuilder("role-" + role)
                .setCpuCores(configuration.get(FlinkTFOptions.slotCpu(role)))
                .setTaskHeapMemory(configuration.get(FlinkTFOptions.slotHeap(role)))
                .setExternalResource("role-" + role, 1.0)
                .build();
    }

    /** The group of everything else in the job. One operator that is in it gives its profile to all that name none. */
    public SlotSharingGroup pipelineGroup() {
        return SlotSharingGroup.newBuilder(DEFAULT_GROUP)
                .setCpuCores(configuration.get(FlinkTFOptions.PIPELINE_CPU))
                .setTaskHeapMemory(configuration.get(FlinkTFOptions.PIPELINE_HEAP))
                .setManagedMemory(configuration.get(FlinkTFOptions.PIPELINE_MANAGED))
                .setExternalResource("role-pipeline", 1.0)
                .build();
    }
}
