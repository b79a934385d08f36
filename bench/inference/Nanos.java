package bench;

import org.apache.flink.table.functions.ScalarFunction;

/** System.nanoTime when a row comes; all tasks are of one JVM. */
public final class Nanos extends ScalarFunction {

    /** {@code of} is what must be known before. */
    public long eval(Float of) {
        return System.nanoTime();
    }

    @Override
    public boolean isDeterministic() {
        return false;
    }
}
