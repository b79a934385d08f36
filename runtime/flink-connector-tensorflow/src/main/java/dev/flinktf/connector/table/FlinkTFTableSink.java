package dev.flinktf.connector.table;

import dev.flinktf.connector.FlinkTF;
import dev.flinktf.connector.batch.BatchOptions;
import dev.flinktf.connector.role.RoleSettings;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DataStreamSinkProvider;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** Takes inserted rows only: a model cannot unlearn the rows that a changelog takes back. */
final class FlinkTFTableSink implements DynamicTableSink {

    private final RowType type;
    private final RoleSettings settings;
    private final BatchOptions options;

    FlinkTFTableSink(RowType type, RoleSettings settings, BatchOptions options) {
        this.type = type;
        this.settings = settings;
        this.options = options;
    }

    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
        return ChangelogMode.insertOnly();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
        return new DataStreamSinkProvider() {
            @Override
            public DataStreamSink<?> consumeDataStream(ProviderContext provider, DataStream<RowData> input) {
                return FlinkTF.sink(
                        input,
                        type,
                        settings,
                        options,
                        name -> provider.generateUid(name)
                                .orElse("flinktf-" + settings.role() + "-" + name));
            }
        };
    }

    @Override
    public DynamicTableSink copy() {
        return new FlinkTFTableSink(type, settings, options);
    }

    @Override
    public String asSummaryString() {
        return "flinktf role " + settings.role();
    }
}
