package dev.flinktf.connector.client;

import dev.flinktf.connector.FlinkTFOptions;
import dev.flinktf.connector.role.Roles;

import org.apache.flink.api.common.operators.SlotSharingGroup;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.table.api.ValidationException;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What {@code StreamExecutionEnvironment.getExecutionEnvironment()} gives to the program of a FlinkTFJob: it runs on the
 * job's own cluster, has a source for every role that the program feeds with nothing, and takes one Flink job.
 */
public final class JobEnvironment extends StreamExecutionEnvironment {

    /** The slot sharing group of operators that name none. */
    private static final String PIPELINE_GROUP = "default";

    private final Map<String, Integer> roles;
    private final Submission submission;

    private JobEnvironment(Configuration configuration, Map<String, Integer> roles, Submission submission) {
        super(configuration, Thread.currentThread().getContextClassLoader());
        this.roles = roles;
        this.submission = submission;
    }

    /**
     * Makes every environment of this JVM one of this kind.
     *
     * @param defaults what the manifest says: a program may say otherwise
     * @param fixed where the cluster is, and which job this is: a program cannot change these
     * @param roles replicas by role
     * @param outcome the file that is written when the job is submitted
     * @param started when the driver began, in seconds of the epoch
     */
    public static void install(
            Map<String, String> defaults,
            Map<String, String> fixed,
            Map<String, Integer> roles,
            String outcome,
            double started) {
        Submission submission = new Submission(Path.of(outcome), started);
        initializeContextEnvironment(
                wanted -> {
                    Configuration configuration = Configuration.fromMap(defaults);
                    configuration.addAll(wanted);
                    configuration.addAll(Configuration.fromMap(fixed));
                    return new JobEnvironment(configuration, roles, submission);
                });
    }

    /**
     * Runs a program that is a Java class.
     *
     * @throws Throwable what the program throws, itself
     */
    public static void run(String mainClass, List<String> arguments) throws Throwable {
        ClassLoader jars = Thread.currentThread().getContextClassLoader();
        Method main;
        try {
            main = Class.forName(mainClass, true, jars).getMethod("main", String[].class);
            main.setAccessible(true); // the class need not be public, as for java itself
        } catch (ClassNotFoundException | NoSuchMethodException error) {
            throw new ValidationException(
                    String.format("spec.job.mainClass: there is no %s with a main(String[]) in spec.job.jars.", mainClass));
        }
        try {
            main.invoke(null, (Object) arguments.toArray(new String[0]));
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    @Override
    public StreamGraph getStreamGraph(boolean clearTransformations) {
        transformations.addAll(unfed(transformations));
        return super.getStreamGraph(clearTransformations);
    }

    @Override
    public StreamGraph generateStreamGraph(List<Transformation<?>> wanted) {
        List<Transformation<?>> whole = new ArrayList<>(wanted);
        whole.addAll(unfed(wanted));
        return super.generateStreamGraph(whole);
    }

    @Override
    public JobClient executeAsync(StreamGraph graph) throws Exception {
        requireSlots(graph);
        submission.begin();
        JobClient client = super.executeAsync(graph);
        submission.done();
        return client;
    }

    /** Sources of the roles that nothing in {@code wanted} feeds: each role's processes want a subtask. */
    private List<Transformation<?>> unfed(List<Transformation<?>> wanted) {
        Set<String> fed =
                wanted.stream()
                        .flatMap(sink -> sink.getTransitivePredecessors().stream())
                        .flatMap(one -> one.getSlotSharingGroup().stream())
                        .map(SlotSharingGroup::getName)
                        .collect(Collectors.toSet());
        int before = transformations.size();
        roles.forEach(
                (role, replicas) -> {
                    if (!fed.contains("role-" + role)) {
                        Roles.source(this, role, replicas);
                    }
                });
        List<Transformation<?>> added = transformations.subList(before, transformations.size());
        List<Transformation<?>> sources = List.copyOf(added);
        added.clear();
        return sources;
    }

    /** Flink would wait for slots that never come, and then say nothing of why. */
    private void requireSlots(StreamGraph graph) {
        Integer slots = getConfiguration().getOptional(FlinkTFOptions.PIPELINE_SLOTS).orElse(null);
        if (slots == null) {
            return;
        }
        for (StreamNode node : graph.getStreamNodes()) {
            boolean inPipeline = node.getSlotSharingGroup() == null || PIPELINE_GROUP.equals(node.getSlotSharingGroup());
            if (inPipeline && node.getParallelism() > slots) {
                throw new ValidationException(
                        String.format(
                                "'%s' has parallelism %d, and the pipeline has %d slot(s): give it more with "
                                        + "spec.flink.pipeline.slots or .replicas, or set a lower parallelism.",
                                node.getOperatorName(), node.getParallelism(), slots));
            }
        }
    }
}
