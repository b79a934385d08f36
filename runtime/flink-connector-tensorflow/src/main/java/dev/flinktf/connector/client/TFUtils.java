package dev.flinktf.connector.client;

import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.FlinkTFOptions;
import dev.flinktf.connector.role.RoleSettings;
import dev.flinktf.connector.role.Roles;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.internal.StreamTableEnvironmentImpl;
import org.apache.flink.table.api.internal.StatementSetImpl;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

import java.lang.reflect.Field;
import java.util.Optional;

/**
 * DL on Flink's way to build a job: a {@link TFClusterConfig} in the program says what the roles run, instead of the
 * manifest. Everything is added to a {@link StatementSet}, whose {@code execute()} runs the job.
 *
 * <p>All methods throw {@link ValidationException} for a cluster that is not the one of the FlinkTFJob, and for columns that
 * are not what {@code input_types} or {@code output_types} say.
 */
public final class TFUtils {

    private static final String INPUT_TYPES = "input_types";
    private static final String OUTPUT_TYPES = "output_types";

    private TFUtils() {}

    /** Trains without records from Flink: the node entry reads its data itself. */
    public static void train(StatementSet statements, TFClusterConfig config) {
        addAMRole(statements, config);
        config.getNodeTypeCntMap().keySet().forEach(role -> addRole(statements, role, config));
    }

    /** Trains on the rows of {@code input}: each of the workers gets its share. */
    public static void train(StatementSet statements, Table input, TFClusterConfig config) {
        train(statements, input, config, 1);
    }

    /** As above; the node entry can read its rows {@code epochs} times. More than once, they must have an end. */
    public static void train(StatementSet statements, Table input, TFClusterConfig config, int epochs) {
        if (epochs < 1) {
            throw new ValidationException("The number of epochs is " + epochs + "; it is 1 or more.");
        }
        addOthers(statements, config, epochs);
        addRole(statements, TFClusterConfig.WORKER, config, input, epochs);
    }

    /**
     * Sends the rows of {@code input} through the workers.
     *
     * @param outputSchema the columns that the node entry writes with {@code get_row_writer_to_flink}
     * @return what it writes; insert that into the same set of statements
     */
    public static Table inference(StatementSet statements, Table input, TFClusterConfig config, Schema outputSchema) {
        addOthers(statements, config, 1);
        return addRole(statements, TFClusterConfig.WORKER, config, input, outputSchema);
    }

    /**
     * The application master of TensorFlow on Flink. In a FlinkTFJob that is the job's coordinator, which is there already:
     * this only requires that the cluster of {@code config} is the one of the job.
     */
    public static void addAMRole(StatementSet statements, TFClusterConfig config) {
        StreamExecutionEnvironment env = environment(statements).execEnv();
        config.getNodeTypeCntMap().forEach((role, count) -> requireReplicas(env, role, count));
    }

    /** A role without records: its processes run until they are done. */
    public static void addRole(StatementSet statements, String role, TFClusterConfig config) {
        StreamTableEnvironmentImpl env = environment(statements);
        program(env.execEnv(), role, config, 1);
        Table nothing = env.fromDataStream(Roles.stream(env.execEnv(), settings(env.execEnv(), role)));
        statements.addInsert(TableDescriptor.forConnector("blackhole").build(), nothing);
    }

    /** A role that takes the rows of {@code input}, and can read them {@code epochs} times. */
    public static void addRole(StatementSet statements, String role, TFClusterConfig config, Table input, int epochs) {
        requireTypes(config, INPUT_TYPES, rowType(input));
        program(environment(statements).execEnv(), role, config, epochs);
        statements.addInsert(
                TableDescriptor.forConnector("flinktf").option(FlinkTFOptions.ROLE, role).build(), input);
    }

    /** A role that takes the rows of {@code input}, and gives rows back: the table that is returned. */
    public static Table addRole(
            StatementSet statements, String role, TFClusterConfig config, Table input, Schema outputSchema) {
        StreamTableEnvironmentImpl env = environment(statements);
        DataType output =
                outputSchema.resolve(env.getCatalogManager().getSchemaResolver()).toPhysicalRowDataType();
        requireTypes(config, INPUT_TYPES, rowType(input));
        requireTypes(config, OUTPUT_TYPES, (RowType) output.getLogicalType());
        program(env.execEnv(), role, config, 1);
        return FlinkTF.transform(env, input, output, role);
    }

    /** Every role but the workers, which get the rows: parameter servers, say. They run the same entry. */
    private static void addOthers(StatementSet statements, TFClusterConfig config, int epochs) {
        addAMRole(statements, config);
        config.getNodeTypeCntMap().keySet().stream()
                .filter(role -> !role.equals(TFClusterConfig.WORKER))
                .forEach(role -> program(environment(statements).execEnv(), role, config, epochs));
    }

    /** Says to a role what it runs. */
    private static void program(StreamExecutionEnvironment env, String role, TFClusterConfig config, int epochs) {
        Configuration programs = new Configuration();
        programs.set(FlinkTFOptions.program(role), config.program(epochs));
        env.configure(programs);
    }

    private static void requireReplicas(StreamExecutionEnvironment env, String role, int count) {
        int replicas = settings(env, role).replicas();
        if (replicas != count) {
            throw new ValidationException(
                    String.format(
                            "The cluster has %d node(s) of type '%s', the FlinkTFJob has %d: make spec.roles, role '%s', "
                                    + "replicas, and the program say the same.",
                            count, role, replicas, role));
        }
    }

    private static RoleSettings settings(StreamExecutionEnvironment env, String role) {
        return RoleSettings.of(env.getConfiguration(), role, Optional.empty());
    }

    private static void requireTypes(TFClusterConfig config, String property, RowType type) {
        String names = config.getProperty(property);
        if (names != null) {
            TensorType.require(property, names, type);
        }
    }

    private static RowType rowType(Table table) {
        return (RowType) table.getResolvedSchema().toSourceRowDataType().getLogicalType();
    }

    /** A set of statements keeps it to itself, and its users have nothing else at hand. */
    private static StreamTableEnvironmentImpl environment(StatementSet statements) {
        try {
            Field field = StatementSetImpl.class.getDeclaredField("tableEnvironment");
            field.setAccessible(true);
            return (StreamTableEnvironmentImpl) field.get(statements);
        } catch (ReflectiveOperationException | ClassCastException error) {
            throw new ValidationException("The statements are not of a StreamTableEnvironment.", error);
        }
    }
}
