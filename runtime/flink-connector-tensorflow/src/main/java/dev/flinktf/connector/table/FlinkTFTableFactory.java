package dev.flinktf.connector.table;

import dev.flinktf.connector.FlinkTFOptions;
import dev.flinktf.connector.arrow.Columns;
import dev.flinktf.connector.batch.BatchOptions;
import dev.flinktf.connector.role.RoleSettings;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.RowType;

import java.util.Set;

/** {@code CREATE TABLE … WITH ('connector' = 'flinktf', 'role' = 'worker')}: a table whose rows feed a role. */
public final class FlinkTFTableFactory implements DynamicTableSinkFactory {

    @Override
    public String factoryIdentifier() {
        return "flinktf";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(FlinkTFOptions.ROLE);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(
                FactoryUtil.SINK_PARALLELISM,
                FlinkTFOptions.BATCH_BYTES,
                FlinkTFOptions.BATCH_ROWS,
                FlinkTFOptions.BATCH_LINGER,
                FlinkTFOptions.PARTITION_BY,
                FlinkTFOptions.SHARES);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        RowType type = (RowType) context.getPhysicalRowDataType().getLogicalType();
        Columns.schema(type);
        RoleSettings settings =
                RoleSettings.of(
                        context.getConfiguration(),
                        options.get(FlinkTFOptions.ROLE),
                        options.getOptional(FactoryUtil.SINK_PARALLELISM));
        return new FlinkTFTableSink(type, settings, BatchOptions.of(options, type, settings.replicas()));
    }
}
