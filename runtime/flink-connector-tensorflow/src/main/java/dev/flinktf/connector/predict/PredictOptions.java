package dev.flinktf.connector.predict;

import dev.flinktf.connector.FlinkTFOptions;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

import java.time.Duration;
import java.util.Locale;
import java.util.Set;

/** The options of a model, in {@code CREATE MODEL … WITH ('provider' = 'tensorflow', …)}. */
public final class PredictOptions {

    /** What is done about a record that the model cannot take. */
    public enum OnError {
        FAIL,
        NULL
    }

    /** What is done about records with NaN or infinity in them. */
    public enum NotFinite {
        ALLOW,
        REJECT;

        String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** What keys begin with that go to the server as they are, without this. */
    public static final String SERVER_PREFIX = "option.";

    public static final ConfigOption<String> PATH =
            ConfigOptions.key("path")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("The folder of the model, as the role's processes see it.");

    public static final ConfigOption<String> SIGNATURE =
            ConfigOptions.key("signature")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("The signature that is called; without it, the model's default.");

    public static final ConfigOption<String> ROLE =
            ConfigOptions.key("role")
                    .stringType()
                    .defaultValue("predictor")
                    .withDescription("The role whose processes serve the model.");

    public static final ConfigOption<Integer> BATCH_ROWS =
            ConfigOptions.key("batch.rows")
                    .intType()
                    .defaultValue(1024)
                    .withDescription("A request has at most this many rows.");

    public static final ConfigOption<MemorySize> BATCH_BYTES = FlinkTFOptions.BATCH_BYTES;

    public static final ConfigOption<Duration> BATCH_LINGER =
            ConfigOptions.key("batch.linger")
                    .durationType()
                    .defaultValue(Duration.ofMillis(2))
                    .withDescription(
                            "A request that is not full is sent after this time; when no other is on its way, as soon as no more "
                                    + "rows come.");

    public static final ConfigOption<Duration> TIMEOUT =
            ConfigOptions.key("timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(30))
                    .withDescription("How long a request may take, with all that is done to get it answered.");

    public static final ConfigOption<OnError> ON_ERROR =
            ConfigOptions.key("on-error")
                    .enumType(OnError.class)
                    .defaultValue(OnError.FAIL)
                    .withDescription("A record that the model refuses fails the job, or has NULL for its outputs.");

    public static final ConfigOption<NotFinite> NOT_FINITE =
            ConfigOptions.key("not-finite")
                    .enumType(NotFinite.class)
                    .defaultValue(NotFinite.ALLOW)
                    .withDescription("Whether records with NaN or infinity in them go to the model, or are refused.");

    /** All that need not be given. */
    static final Set<ConfigOption<?>> OPTIONAL =
            Set.of(SIGNATURE, ROLE, BATCH_ROWS, BATCH_BYTES, BATCH_LINGER, TIMEOUT, ON_ERROR, NOT_FINITE);

    private PredictOptions() {}
}
