package dev.flinktf.connector.role;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.api.common.operators.SlotSharingGroup;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.table.api.ValidationException;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Optional;

class RoleSettingsTest {

    private static final Configuration TWO_WORKERS =
            Configuration.fromMap(Map.of("flinktf.role.worker.replicas", "2", "flinktf.role.ps.replicas", "1"));

    @Test
    void anUnknownRoleIsRefusedWithTheKnownOnes() {
        assertThatThrownBy(() -> RoleSettings.of(TWO_WORKERS, "wroker", Optional.empty()))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("There is no role 'wroker'; the FlinkTFJob has the roles [ps, worker]");
    }

    @Test
    void replicasThatContradictTheJobAreRefused() {
        assertThatThrownBy(() -> RoleSettings.of(TWO_WORKERS, "worker", Optional.of(3)))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("'sink.parallelism' is 3, but role 'worker' has 2 replicas");
    }

    @Test
    void replicasThatNobodyKnowsAreAskedFor() {
        assertThatThrownBy(() -> RoleSettings.of(new Configuration(), "worker", Optional.empty()))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Set 'flinktf.role.worker.replicas'");
        assertThat(RoleSettings.of(new Configuration(), "worker", Optional.of(3)).replicas()).isEqualTo(3);
    }

    @Test
    void groupsAskForTheSlotsOfTheirPools() {
        Configuration configuration =
                Configuration.fromMap(
                        Map.of(
                                "flinktf.role.worker.replicas", "2",
                                "flinktf.role.worker.slot.cpu", "0.5",
                                "flinktf.role.worker.slot.heap", "32m",
                                "flinktf.pipeline.slot.managed", "128m"));
        RoleSettings settings = RoleSettings.of(configuration, "worker", Optional.empty());

        SlotSharingGroup role = settings.group();
        assertThat(role.getName()).isEqualTo("role-worker");
        assertThat(role.getCpuCores()).contains(0.5);
        assertThat(role.getTaskHeapMemory()).contains(MemorySize.ofMebiBytes(32));
        assertThat(role.getExternalResources()).isEqualTo(Map.of("role-worker", 1.0));
        SlotSharingGroup pipeline = settings.pipelineGroup();
        assertThat(pipeline.getCpuCores()).contains(1.0);
        assertThat(pipeline.getTaskHeapMemory()).contains(MemorySize.ofMebiBytes(64));
        assertThat(pipeline.getManagedMemory()).contains(MemorySize.ofMebiBytes(128));
        assertThat(pipeline.getExternalResources()).isEqualTo(Map.of("role-pipeline", 1.0));
    }
}
