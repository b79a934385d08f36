package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Mode;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

import java.util.Optional;

/** Roles that no pipeline feeds: parameter servers, evaluators, roles that read their own data. */
public final class Roles {

    private Roles() {}

    /**
     * Adds a source that holds the slots of a role until its processes are done. It emits nothing.
     *
     * @param replicas subtasks of the role; must be what {@code flinktf.role.<role>.replicas} says, where that is set
     */
    public static void source(StreamExecutionEnvironment env, String role, int replicas) {
        RoleSettings settings = RoleSettings.of(env.getConfiguration(), role, Optional.of(replicas));
        stream(env, settings)
                .sinkTo(new DiscardingSink<>())
                .uid("flinktf-" + role + "-end")
                .name("end")
                .setParallelism(replicas)
                .slotSharingGroup(settings.group());
        // A pipeline that feeds no role has no other operator of ours to bring this profile along.
        env.registerSlotSharingGroup(settings.pipelineGroup());
    }

    /** The source itself, for those who let something follow: a stream that stays empty. */
    public static DataStream<Void> stream(StreamExecutionEnvironment env, RoleSettings settings) {
        return env.fromSource(
                        new RoleSource(settings.spec(Mode.SOURCE, null, null)),
                        WatermarkStrategy.noWatermarks(),
                        "role: " + settings.role(),
                        Types.VOID)
                .uid("flinktf-" + settings.role() + "-source")
                .setParallelism(settings.replicas())
                .slotSharingGroup(settings.group());
    }
}
