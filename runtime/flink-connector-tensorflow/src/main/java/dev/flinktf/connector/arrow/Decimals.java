package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.DecimalData;

/** DECIMAL as double: the nearest one. */
final class Decimals {

    /** Powers of ten that a double holds exactly. */
    private static final double[] POWERS = new double[19];

    private static final long EXACT = 1L << 53;

    static {
        double power = 1;
        for (int i = 0; i < POWERS.length; i++) {
            POWERS[i] = power;
            power *= 10;
        }
    }

    private Decimals() {}

    static double toDouble(DecimalData decimal) {
        if (decimal.isCompact()) {
            long unscaled = decimal.toUnscaledLong();
            // Both operands are exact, so the one rounding of the division gives the nearest double.
            if (unscaled <= EXACT && unscaled >= -EXACT) {
                return unscaled / POWERS[decimal.scale()];
            }
        }
        return decimal.toBigDecimal().doubleValue();
    }
}
