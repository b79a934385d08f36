package dev.flinktf.connector.transform;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowDecoder;
import dev.flinktf.connector.arrow.BatchFormatException;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** Turns a role's results into rows, back in the pipeline's slots, chained to what the user does with them. */
public final class DecodeOperator extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<ArrowBatch, RowData> {

    private static final long serialVersionUID = 1L;

    private final String role;
    private final RowType type;

    private transient ArrowDecoder decoder;

    public DecodeOperator(String role, RowType type) {
        this.role = role;
        this.type = type;
    }

    @Override
    public void open() throws Exception {
        super.open();
        decoder = new ArrowDecoder(type);
    }

    @Override
    public void processElement(StreamRecord<ArrowBatch> element) {
        try {
            decoder.decode(element.getValue().message(), row -> output.collect(new StreamRecord<>(row)));
        } catch (BatchFormatException error) {
            throw new BatchFormatException("A result of role '" + role + "': " + error.getMessage());
        }
    }
}
