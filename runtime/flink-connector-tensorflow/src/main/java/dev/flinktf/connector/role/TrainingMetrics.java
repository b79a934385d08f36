package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Answer;

import org.apache.flink.metrics.MetricGroup;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a role tells of its training: {@code flinktf.training.step}, {@code flinktf.training.rows}, and a gauge for each of its
 * metrics, such as {@code flinktf.training.loss}. It is told by one thread, and read by the reporters'.
 */
final class TrainingMetrics {

    /** Names are the role's to choose, and each is a gauge until the task ends. */
    private static final int MOST = 100;

    private final MetricGroup group;
    private final Set<String> known = new HashSet<>(Set.of("step", "rows"));
    private final Map<String, Double> last = new ConcurrentHashMap<>();

    private volatile long step;
    private volatile long rows;

    TrainingMetrics(MetricGroup parent) {
        group = parent.addGroup("flinktf").addGroup("training");
        group.gauge("step", () -> step);
        group.gauge("rows", () -> rows);
    }

    void told(Answer.Progress progress) {
        step = progress.step();
        rows = progress.rows();
        last.putAll(progress.metrics());
        for (String name : progress.metrics().keySet()) {
            if (known.size() < MOST && known.add(name)) {
                group.gauge(name, () -> last.get(name));
            }
        }
    }
}
