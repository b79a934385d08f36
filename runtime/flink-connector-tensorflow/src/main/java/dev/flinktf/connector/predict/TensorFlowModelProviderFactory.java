package dev.flinktf.connector.predict;

import static org.apache.flink.table.api.config.ExecutionConfigOptions.TABLE_EXEC_ASYNC_ML_PREDICT_MAX_CONCURRENT_OPERATIONS;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.catalog.ResolvedCatalogModel;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.types.logical.RowType;

import java.util.Set;

/** {@code CREATE MODEL … WITH ('provider' = 'tensorflow', 'path' = …)}: a model that the processes of a role serve. */
public final class TensorFlowModelProviderFactory implements ModelProviderFactory {

    @Override
    public String factoryIdentifier() {
        return "tensorflow";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(PredictOptions.PATH);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return PredictOptions.OPTIONAL;
    }

    @Override
    public ModelProvider createModelProvider(Context context) {
        FactoryUtil.createModelProviderFactoryHelper(this, context).validateExcept(PredictOptions.SERVER_PREFIX);
        ResolvedCatalogModel model = context.getCatalogModel();
        return new TensorFlowModelProvider(
                PredictSpec.of(
                        Configuration.fromMap(model.getOptions()),
                        columns(model.getResolvedInputSchema()),
                        columns(model.getResolvedOutputSchema()),
                        context.getConfiguration()),
                context.getConfiguration().get(TABLE_EXEC_ASYNC_ML_PREDICT_MAX_CONCURRENT_OPERATIONS));
    }

    private static RowType columns(ResolvedSchema schema) {
        return (RowType) schema.toPhysicalRowDataType().getLogicalType();
    }
}
